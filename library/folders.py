"""Files of a folder somebody hands us: which could be spectra, and how to read one safely."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from spectra.formats import MAX_BYTES

from .errors import ImportRefused
from .manifest import NAME as MANIFEST

MAX_FILES = 20_000

#: Papers that lie beside spectra; they are neither imported nor complained about.
_PAPERS = {".md", ".pdf", ".html", ".rst"}
_PAPER_NAMES = {"license", "license.txt", "licence", "licence.txt", "readme", "readme.txt"}


def files_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder that could be spectra, sorted.

    Raises
    ------
    ImportRefused
        There is no such folder, it may not be read, or holds too many files.
    """
    try:
        found = sorted(_spectrum_names(folder))
    except OSError as error:
        raise ImportRefused(f"{folder}: not a folder that can be read: {error.strerror}") from error
    if len(found) > MAX_FILES:
        raise ImportRefused(f"{folder}: more than {MAX_FILES} files; split it")
    return found


def _spectrum_names(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as found:
        for item in found:
            name = item.name.lower()
            paper = name in _PAPER_NAMES or Path(name).suffix in _PAPERS
            if (
                not paper
                and not name.startswith(".")
                and item.name != MANIFEST
                and not Path(item.path).is_dir()
            ):
                yield item.name


def read_file(path: Path) -> bytes:
    """Read a regular file of bounded size; a pipe put in its place does not hang us.

    Raises
    ------
    ImportRefused
        It is no regular file, or too large.
    OSError
        It is not there, or may not be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ImportRefused("no regular file")
        if found.st_size > MAX_BYTES:
            raise ImportRefused(f"{found.st_size} bytes are more than the {MAX_BYTES} a spectrum may have")
        return file.read(MAX_BYTES + 1)
