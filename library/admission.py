"""What of an import may enter a library: nothing unchecked, nothing repaired."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from spectra.digest import array_digest
from spectra.references import ReferenceEntry

from .changes import EDITED
from .equivalents import link_equivalents
from .importing import ImportReport
from .names import fold_name
from .quality import Progress, QualityReport, check_entries
from .quality_codes import CODES
from .quality_values import Finding, in_order


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file, or one spectrum of it, that quality control kept out."""

    file: str
    """The file."""
    reason: str
    """Why, in a sentence."""
    codes: tuple[str, ...]
    """Codes of the findings that kept it out; each can be accepted."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What quality control made of an import."""

    entries: tuple[ReferenceEntry, ...]
    """Entries that may enter, linked to their equivalents."""
    refused: tuple[Refusal, ...]
    """What may not."""
    quality: QualityReport
    """What was found, for all entries of the import, refused ones included."""


def admit(
    report: ImportReport,
    *,
    held: Iterable[ReferenceEntry] = (),
    accepted: Iterable[str] = (),
    progress: Progress = lambda _done: None,
) -> Admission:
    """Examine the entries of an import and decide which may enter.

    Parameters
    ----------
    report
        The import.
    held
        Entries of the library they are for.
    accepted
        Codes of refusing findings that a person accepts; the entry's history then says so.
    progress
        Called as entries are examined; the numbers add up to those of the import.

    Raises
    ------
    KeyError
        An accepted code that the table does not know.
    """
    given = frozenset(accepted)
    for code in given:
        CODES[code]
    there = {entry.reference_id: entry for entry in held}
    quality = check_entries(report.entries, held=there.values(), progress=progress)
    quality = _against_held(quality, report.entries, there)
    keeping = quality.refused(given)
    refused = tuple(
        Refusal(
            report.files.get(key, key),
            " ".join(finding.sentence for finding in findings),
            tuple(finding.code for finding in findings),
        )
        for key, findings in keeping.items()
    )
    found = {one.reference_id: {finding.code for finding in one.findings} & given for one in quality.entries}
    entries = [
        _accepted(entry, found[entry.reference_id])
        for entry in report.entries
        if entry.reference_id not in keeping
    ]
    return Admission(link_equivalents(entries), refused, quality)


def was_edited(entry: ReferenceEntry) -> bool:
    """Whether a person changed the facts of an entry after it entered a library."""
    return any(step.startswith(EDITED) for step in entry.spectrum.history)


def _against_held(
    quality: QualityReport, new: Iterable[ReferenceEntry], held: dict[str, ReferenceEntry]
) -> QualityReport:
    """Add findings to entries that would undo what a person changed, or that are there already."""
    if not held:
        return quality
    numbers: dict[tuple[str, str], ReferenceEntry] = {}
    for entry in held.values():
        numbers.setdefault((_numbers(entry), fold_name(entry.substance.name)), entry)
    found: dict[str, Finding] = {}
    for entry in new:
        key = entry.reference_id
        # under a synonym it is another name, which a person may want to keep
        other = numbers.get((_numbers(entry), fold_name(entry.substance.name)))
        if key in held:
            # What somebody vouched for is not replaced by the same numbers without that person's word.
            if was_edited(held[key]) or held[key].authentication not in (None, entry.authentication):
                found[key] = Finding("edited_since", key)
        elif other is not None:
            found[key] = Finding("held_already", other.reference_id)
    entries = [
        replace(one, findings=in_order([*one.findings, found[one.reference_id]]))
        if one.reference_id in found
        else one
        for one in quality.entries
    ]
    return replace(quality, entries=tuple(entries))


def _numbers(entry: ReferenceEntry) -> str:
    return array_digest(entry.spectrum.axis, entry.spectrum.intensity)


def _accepted(entry: ReferenceEntry, codes: set[str]) -> ReferenceEntry:
    if not codes:
        return entry
    step = f"imported in spite of: {', '.join(sorted(codes))}"
    spectrum = replace(entry.spectrum, history=(*entry.spectrum.history, step))
    return replace(entry, spectrum=spectrum)
