"""Read back what `library.exporting` wrote: the same entries, every number checked against its digest."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectra.digest import array_digest
from spectra.formats import decode
from spectra.references import ReferenceEntry
from spectra.values import Spectrum, Technique

from .entry_json import entry_of_head
from .errors import ImportRefused, ManifestError
from .folders import read_file
from .manifest import inside

#: The file beside the spectra that says everything but their numbers, and its schema.
FACTS = "entries.json"
SCHEMA = "opioscan.library-entries/1"
MAX_BYTES = 256 << 20
MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of an exported library."""

    file: str
    """File of its spectrum, relative to the folder."""
    numbers: str
    """Digest of axis, intensity and noise."""
    head: dict[str, Any]
    """Everything but its numbers, as `library.entry_json.entry_head` writes it."""


def read_exported(folder: Path) -> dict[str, Listed] | None:
    """Return the entries an exported folder lists, by file; None where it is no exported folder.

    Raises
    ------
    ManifestError
        It says it is one, and is damaged.
    """
    path = folder / FACTS
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{FACTS} has more than {MAX_BYTES} bytes")
        value = json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{FACTS} is no JSON: export the library again") from error
    except OSError as error:
        raise ManifestError(f"{FACTS} cannot be read: {error.strerror}") from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ManifestError(f"{FACTS} is not of the schema {SCHEMA}: export the library again")
    entries = value.get("entries")
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise ManifestError(f"{FACTS} lists no entries, or more than {MAX_ENTRIES}")
    listed = [_listed(one) for one in entries]
    found = {one.file: one for one in listed}
    if len(found) != len(listed):
        raise ManifestError(f"{FACTS} lists a file twice")
    return found


def exported_entry(folder: Path, listed: Listed) -> ReferenceEntry:
    """Return the entry of an exported file.

    Raises
    ------
    ImportRefused
        The file is not there, or its numbers are not those that were exported.
    SpectraError, LibraryFormatError
        It cannot be read, or its facts are damaged.
    """
    path = inside(folder, listed.file)
    if path is None:
        raise ImportRefused("leads out of the folder; move the file into it")
    technique, laser = _asked(listed.head)
    spectra = decode(read_file(path), name=listed.file, technique=technique, laser_nm=laser)
    for decoded in spectra:
        read = decoded.spectrum
        if array_digest(read.axis, read.intensity, read.noise) == listed.numbers:
            return _entry(listed, read)
    raise ImportRefused(
        f"its numbers are not those that were exported; remove {FACTS} to import it as a file"
    )


def _entry(listed: Listed, read: Spectrum) -> ReferenceEntry:
    return entry_of_head(listed.head, axis=read.axis, intensity=read.intensity, noise=read.noise)


def _asked(head: dict[str, Any]) -> tuple[Technique | None, float | None]:
    said, laser = head.get("technique"), head.get("laser_nm")
    technique = Technique(said) if said in set(Technique) else None
    return technique, float(laser) if isinstance(
        laser, int | float
    ) and technique is Technique.RAMAN else None


def _listed(value: Any) -> Listed:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("file"), str)
        or not isinstance(value.get("numbers"), str)
        or not isinstance(value.get("entry"), dict)
    ):
        raise ManifestError(f"{FACTS} is damaged: export the library again")
    return Listed(value["file"], value["numbers"], value["entry"])
