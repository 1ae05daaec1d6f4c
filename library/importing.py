"""Import a folder of spectra: whatever `spectra.formats` reads, with or without a ``manifest.csv``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from spectra.digest import array_digest
from spectra.errors import SpectraError
from spectra.formats import Decoded, decode
from spectra.references import Grade, ReferenceEntry
from spectra.values import FloatArray, Spectrum, Technique

from .describing import Described, describe, origin_of
from .equivalents import link_equivalents, synonym_groups
from .errors import ImportRefused, LibraryError
from .exported import FACTS, Listed, exported_entry, read_exported
from .folders import files_in, read_file
from .manifest import NAME as MANIFEST
from .manifest import Row, inside, read_manifest
from .names import slug, sort_key
from .substances import PACKAGING, SubstanceTable

#: Called after each file: files done, files in all, name of the file.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a folder."""

    entries: tuple[ReferenceEntry, ...]
    """The entries, all of grade *measured*, linked to their equivalents within the folder."""
    refused: tuple[tuple[str, str], ...] = ()
    """Files that were not imported, each with the reason."""
    unlisted: tuple[str, ...] = ()
    """Files that lie in the folder but not in its manifest; they were not imported."""
    duplicates: tuple[tuple[str, ...], ...] = ()
    """Groups of names that are one compound."""
    notes: tuple[str, ...] = ()
    """What the person importing should check."""
    files: Mapping[str, str] = field(default_factory=dict)
    """File of each entry by its identifier, with the number of the spectrum where a file holds several."""


@dataclass(slots=True)
class _Gathered:
    """What one import has found so far."""

    entries: dict[str, ReferenceEntry] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    of_entry: dict[str, str] = field(default_factory=dict)
    axes: dict[bytes, FloatArray] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)

    def all_notes(self) -> tuple[str, ...]:
        """Return the notes, with one for all substances nobody knows."""
        if not self.unsettled:
            return tuple(self.notes)
        names = ", ".join(sorted(self.unsettled, key=sort_key))
        note = f"{len(self.unsettled)} names are not in the substance table and are taken as not controlled"
        return (*self.notes, f"{note} (say otherwise in the manifest's column schedule): {names}")


def import_folder(
    folder: Path,
    *,
    technique: Technique | None = None,
    laser_nm: float | None = None,
    include_vapour: bool = False,
    table: SubstanceTable | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the spectra of a folder.

    A file that cannot be imported is reported with its reason and never stops the others.

    Parameters
    ----------
    folder
        Folder with spectra, and perhaps a ``manifest.csv``; other folders in it are not entered
        unless the manifest names their files.
    technique
        How files were measured that do not say so.
    laser_nm
        Excitation wavelength, nm, of files that do not say so.
    include_vapour
        True to import spectra of vapours (GC-IR) too; their bands are not those of solids.
    table
        Substance table; the shipped one when None.
    progress
        Called after each file.

    Raises
    ------
    ImportRefused
        There is no such folder, it holds no file to import, or too many.
    ManifestError
        Its manifest cannot be followed.
    """
    folder = Path(folder)
    there = [name for name in files_in(folder) if name != FACTS]
    manifest = read_manifest(folder)
    if (exported := read_exported(folder)) is not None:
        if manifest is not None:
            raise ImportRefused(f"{folder}: holds {FACTS} and {MANIFEST}; remove the one that is not meant")
        return _import_exported(folder, there, exported, progress)
    rows = {name: Row(name) for name in there} if manifest is None else manifest
    if not rows:
        raise ImportRefused(f"{folder}: no file to import")
    table = table or SubstanceTable.shipped()
    gathered = _Gathered()
    for done, (file, row) in enumerate(rows.items(), start=1):
        try:
            for number, decoded in enumerate(_decoded(folder, row, technique, laser_nm), start=1):
                _gather(gathered, file, number, decoded, row, table, include_vapour=include_vapour)
        except (SpectraError, ImportRefused, OSError, ValueError, LookupError, ArithmeticError) as error:
            gathered.refused.append((file, _reason(error, file)))
        if progress:
            progress(done, len(rows), file)
    entries = link_equivalents(gathered.entries.values())
    return ImportReport(
        entries=entries,
        refused=tuple(gathered.refused),
        unlisted=tuple(name for name in there if name not in rows),
        duplicates=synonym_groups(entries),
        notes=gathered.all_notes(),
        files=gathered.of_entry,
    )


def _import_exported(
    folder: Path, there: list[str], listed: Mapping[str, Listed], progress: Progress | None
) -> ImportReport:
    """Import what `library.exporting` wrote: entries as they were, equivalents anew."""
    gathered = _Gathered()
    for done, (file, one) in enumerate(listed.items(), start=1):
        try:
            entry = exported_entry(folder, one)
            if entry.reference_id in gathered.entries:
                raise ImportRefused(f"the identifier of {gathered.of_entry[entry.reference_id]}")
            gathered.entries[entry.reference_id] = _sharing(entry, gathered.axes)
            gathered.of_entry[entry.reference_id] = file
        except (SpectraError, LibraryError, OSError, ValueError, LookupError, ArithmeticError) as error:
            gathered.refused.append((file, _reason(error, file)))
        if progress:
            progress(done, len(listed), file)
    entries = link_equivalents(gathered.entries.values())
    return ImportReport(
        entries=entries,
        refused=tuple(gathered.refused),
        unlisted=tuple(name for name in there if name not in listed),
        duplicates=synonym_groups(entries),
        notes=_vouched_elsewhere(entries),
        files=gathered.of_entry,
    )


def _vouched_elsewhere(entries: Iterable[ReferenceEntry]) -> tuple[str, ...]:
    """Say which authentications come with entries: nobody here saw those samples."""
    told = [entry.authentication.authenticated_by for entry in entries if entry.authentication is not None]
    if not told:
        return ()
    names = ", ".join(sorted(set(told), key=sort_key))
    return (
        f"{len(told)} entries bring their authentication with them, by {names}: confirm that it is theirs",
    )


def _decoded(
    folder: Path, row: Row, technique: Technique | None, laser_nm: float | None
) -> tuple[Decoded, ...]:
    if problem := row.problem():
        raise ImportRefused(problem)
    if not row.file.isprintable():
        raise ImportRefused("its name holds characters that cannot be printed; rename it")
    path = inside(folder, row.file)
    if path is None:
        raise ImportRefused("leads out of the folder; move the file into it")
    data = read_file(path)
    if not row.technique:
        return decode(data, name=row.file, technique=technique, laser_nm=laser_nm)
    said = Technique(row.technique)
    try:
        return decode(data, name=row.file, technique=said, laser_nm=laser_nm)
    except SpectraError:
        others = decode(data, name=row.file, laser_nm=laser_nm)
    return tuple(replace(one, spectrum=_overruled(one.spectrum, said)) for one in others)


def _overruled(spectrum: Spectrum, technique: Technique) -> Spectrum:
    step = f"the file says {spectrum.technique}, the manifest {technique}: taken as {technique}"
    laser = spectrum.laser_nm if technique is Technique.RAMAN else None
    return replace(spectrum, technique=technique, laser_nm=laser, history=(*spectrum.history, step))


def _gather(
    gathered: _Gathered,
    file: str,
    number: int,
    decoded: Decoded,
    row: Row,
    table: SubstanceTable,
    *,
    include_vapour: bool,
) -> None:
    where = file if number == 1 else f"{file} (spectrum {number})"
    known = describe(file, decoded, row, table)
    if known.vapour and not include_vapour:
        gathered.refused.append((where, "a spectrum of the vapour; give --include-vapour to import it"))
        return
    entry = _entry(file, decoded, row, known)
    numbers = entry.reference_id.rpartition("-")[2]
    if entry.reference_id in gathered.entries:
        same = gathered.files[numbers]
        gathered.refused.append((where, f"the same spectrum under the same name as {same}"))
        return
    if numbers in gathered.files:
        gathered.notes.append(f"{where}: the same numbers as {gathered.files[numbers]} under another name")
    gathered.files.setdefault(numbers, where)
    gathered.entries[entry.reference_id] = _sharing(entry, gathered.axes)
    gathered.of_entry[entry.reference_id] = where
    gathered.notes.extend(f"{where}: {note}" for note in known.notes)
    if known.unsettled:
        gathered.unsettled.add(known.substance.name)


def _sharing(entry: ReferenceEntry, axes: dict[bytes, FloatArray]) -> ReferenceEntry:
    """Return an entry whose axis is the one array of all entries on that axis: half the memory."""
    axis = entry.spectrum.axis
    shared = axes.setdefault(sha256(axis.tobytes()).digest(), axis)
    if shared is axis:
        return entry
    return replace(entry, spectrum=replace(entry.spectrum, axis=shared))


def _entry(file: str, decoded: Decoded, row: Row, known: Described) -> ReferenceEntry:
    spectrum = decoded.spectrum
    if known.measurement:
        spectrum = replace(spectrum, history=(*spectrum.history, f"measured by {known.measurement}"))
    source, licence, instrument = origin_of(file, decoded, row)
    return ReferenceEntry(
        reference_id=reference_id(known.substance.name, decoded.spectrum),
        substance=known.substance,
        spectrum=spectrum,
        grade=Grade.MEASURED,
        form=", ".join(part for part in (known.form, "vapour" if known.vapour else "") if part),
        packaging=known.preferred_name in PACKAGING,
        instrument=instrument,
        source=source,
        licence=licence,
    )


def reference_id(name: str, spectrum: Spectrum) -> str:
    """Return the identifier that the same name and numbers always get: importing twice adds nothing."""
    return f"{spectrum.technique}-{slug(name)}-{array_digest(spectrum.axis, spectrum.intensity)[:12]}"


def _reason(error: Exception, file: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        gone = isinstance(error, FileNotFoundError)
        return (
            "not in the folder, but listed in manifest.csv" if gone else f"cannot be read: {error.strerror}"
        )
    return str(error).removeprefix(f"{file}: ") or type(error).__name__
