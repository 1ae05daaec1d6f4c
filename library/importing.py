"""Import a folder of spectra: whatever `spectra.formats` reads, with or without a ``manifest.csv``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from spectra.digest import array_digest
from spectra.errors import SpectraError
from spectra.formats import Decoded
from spectra.references import Grade, ReferenceEntry
from spectra.values import FloatArray, Spectrum, Technique

from .describing import Described, describe, operators_of, origin_of
from .documenting import Papers, authentication_of, papers_of, with_papers
from .equivalents import link_equivalents, synonym_groups
from .errors import ImportRefused, LibraryError
from .exported import FACTS, Listed, exported_entry, read_exported
from .folders import files_in
from .manifest import NAME as MANIFEST
from .manifest import Row, read_manifest
from .names import slug, sort_key
from .reading import decoded_file, reason_of
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

    include_vapour: bool = False
    now: datetime | None = None
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
        many = "1 name is" if len(self.unsettled) == 1 else f"{len(self.unsettled)} names are"
        note = f"{many} not in the substance table and taken as not controlled"
        return (*self.notes, f"{note} (say otherwise in the manifest's column schedule): {names}")


def import_folder(
    folder: Path,
    *,
    technique: Technique | None = None,
    laser_nm: float | None = None,
    include_vapour: bool = False,
    papers: Papers | None = None,
    now: datetime | None = None,
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
    papers
        Who vouches for every measured spectrum of the folder, and on what grounds; where a row of the
        manifest names somebody, or an exported entry has its own, that stands.
    now
        The time now, UTC: an authentication dated later is refused. Not checked where None.
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
    AuthenticationRefused
        What vouches for the whole folder cannot stand.
    """
    folder = Path(folder)
    if papers is not None:
        authentication_of(papers, now=now)
    there = [name for name in files_in(folder) if name != FACTS]
    manifest = read_manifest(folder)
    if (exported := read_exported(folder)) is not None:
        if manifest is not None:
            raise ImportRefused(f"{folder}: holds {FACTS} and {MANIFEST}; remove the one that is not meant")
        return _import_exported(folder, there, exported, papers, progress)
    rows = {name: Row(name) for name in there} if manifest is None else manifest
    if not rows:
        raise ImportRefused(f"{folder}: no file to import")
    table = table or SubstanceTable.shipped()
    gathered = _Gathered(include_vapour=include_vapour, now=now)
    for done, (file, row) in enumerate(rows.items(), start=1):
        try:
            documented = papers_of(row, papers, folder)
            for number, decoded in enumerate(decoded_file(folder, row, technique, laser_nm), start=1):
                _gather(gathered, number, decoded, row, documented, table)
        except (SpectraError, LibraryError, OSError, ValueError, LookupError, ArithmeticError) as error:
            gathered.refused.append((file, reason_of(error, file)))
        if progress:
            progress(done, len(rows), file)
    entries = link_equivalents(gathered.entries.values())
    return ImportReport(
        entries=entries,
        refused=tuple(gathered.refused),
        unlisted=_unlisted(there, rows),
        duplicates=synonym_groups(entries),
        notes=gathered.all_notes(),
        files=gathered.of_entry,
    )


def _unlisted(there: list[str], rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Return the files the manifest does not name, neither as spectra nor as certificates."""
    named = {*rows, *(row.certificate for row in rows.values())}
    return tuple(name for name in there if name not in named)


def _import_exported(
    folder: Path,
    there: list[str],
    listed: Mapping[str, Listed],
    papers: Papers | None,
    progress: Progress | None,
) -> ImportReport:
    """Import what `library.exporting` wrote: entries as they were, equivalents anew."""
    gathered = _Gathered()
    for done, (file, one) in enumerate(listed.items(), start=1):
        try:
            entry = exported_entry(folder, one)
            if papers is not None and entry.authentication is None and entry.grade is Grade.MEASURED:
                entry = with_papers(entry, papers)
            if entry.reference_id in gathered.entries:
                raise ImportRefused(f"the identifier of {gathered.of_entry[entry.reference_id]}")
            gathered.entries[entry.reference_id] = _sharing(entry, gathered.axes)
            gathered.of_entry[entry.reference_id] = file
        except (SpectraError, LibraryError, OSError, ValueError, LookupError, ArithmeticError) as error:
            gathered.refused.append((file, reason_of(error, file)))
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


def _gather(
    gathered: _Gathered,
    number: int,
    decoded: Decoded,
    row: Row,
    papers: Papers | None,
    table: SubstanceTable,
) -> None:
    where = row.file if number == 1 else f"{row.file} (spectrum {number})"
    known = describe(row.file, decoded, row, table)
    if known.vapour and not gathered.include_vapour:
        gathered.refused.append((where, "a spectrum of the vapour; give --include-vapour to import it"))
        return
    entry = _entry(decoded, row, known)
    if papers is not None:
        vouched = authentication_of(papers, operators=operators_of(decoded), now=gathered.now)
        entry = replace(entry, authentication=vouched)
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
    if known.enhanced:
        gathered.notes.append(f"{where}: surface-enhanced: kept apart, no scan is compared with it")
    if known.unsettled:
        gathered.unsettled.add(known.substance.name)


def _sharing(entry: ReferenceEntry, axes: dict[bytes, FloatArray]) -> ReferenceEntry:
    """Return an entry whose axis is the one array of all entries on that axis: half the memory."""
    axis = entry.spectrum.axis
    shared = axes.setdefault(sha256(axis.tobytes()).digest(), axis)
    if shared is axis:
        return entry
    return replace(entry, spectrum=replace(entry.spectrum, axis=shared))


def _entry(decoded: Decoded, row: Row, known: Described) -> ReferenceEntry:
    spectrum = decoded.spectrum
    if known.measurement:
        spectrum = replace(spectrum, history=(*spectrum.history, f"measured by {known.measurement}"))
    source, licence, instrument = origin_of(row.file, decoded, row)
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
        enhanced=known.enhanced,
    )


def reference_id(name: str, spectrum: Spectrum) -> str:
    """Return the identifier that the same name and numbers always get: importing twice adds nothing."""
    return f"{spectrum.technique}-{slug(name)}-{array_digest(spectrum.axis, spectrum.intensity)[:12]}"
