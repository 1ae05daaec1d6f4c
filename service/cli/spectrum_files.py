"""Spectrum files on this disk: bounded reading, and writing that is whole or not at all."""

import os
import tempfile
from pathlib import Path

from spectra.errors import FormatError
from spectra.formats import MAX_BYTES, Decoded, decode
from spectra.values import Technique

#: How every HDF5 file begins; known here too, so that h5py is loaded for such files only.
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def read_spectra(
    path: Path,
    *,
    technique: Technique | None = None,
    laser_nm: float | None = None,
    columns: str = "",
) -> tuple[Decoded, ...]:
    """Read every spectrum of a file.

    ``columns`` says what the columns of a plain table are, with commas between; empty where the file does.

    Raises
    ------
    FormatError
        Too large, or nothing `spectra.formats.decode` can read.
    OSError
        The file cannot be opened.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FormatError(f"{path.name}: larger than {MAX_BYTES >> 20} MiB: no spectrum file")
    named = tuple(name.strip() for name in columns.split(",")) if columns else ()
    if not data.startswith(HDF5_SIGNATURE):
        return decode(data, name=path.name, technique=technique, laser_nm=laser_nm, columns=named)
    from library.spectrum_file import decode_file

    return decode_file(data, name=path.name, technique=technique, laser_nm=laser_nm)


def write_whole(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file so that it is either complete or absent, whatever fails in between.

    Parameters
    ----------
    path
        Where to.
    data
        All of it.
    force
        True replaces a file that is there.

    Raises
    ------
    FileExistsError
        A file is there and `force` is False.
    OSError
        The folder is missing, read-only or full.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder: make it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
        if force:
            draft.replace(path)
        else:
            _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    """Give the draft its name unless that is taken; a link fails where a rename would replace."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise FileExistsError(f"{path} is there already: give --force to replace it") from None
    except OSError:
        # FAT on USB sticks has no links
        if path.exists():
            raise FileExistsError(f"{path} is there already: give --force to replace it") from None
        draft.replace(path)


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
