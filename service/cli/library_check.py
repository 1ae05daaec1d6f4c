"""``opioscan library check`` and ``compare``: what a library holds, and how two versions differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from library.changes import read_changes
from library.documenting import undocumented
from library.store import Library, read_library
from spectra.values import Technique

from ..errors import UsageError
from .library_words import MOST_NAMED, Json, LibraryFile, ReportFile, library_json, opened, undocumented_words
from .output import emit_json, progress, say

if TYPE_CHECKING:
    from library.comparing import Comparison
    from library.confusability import Confusability
    from library.coverage import Covered
    from library.quality import QualityReport

#: Scans of a map where nobody says otherwise.
SNR, RESOLUTION = 50.0, 10.0


def check(
    path: LibraryFile = None,
    report: ReportFile = None,
    confusable: Annotated[
        bool, typer.Option("--confusable", help="Map which entries cannot be told apart.")
    ] = False,
    snr: Annotated[float, typer.Option(metavar="S", help="Of the map: strongest band over the noise.")] = SNR,
    resolution: Annotated[
        float, typer.Option(metavar="CM1", help="Of the map: the instrument's resolution, cm⁻¹.")
    ] = RESOLUTION,
    technique: Annotated[Technique | None, typer.Option(help="Of the map: only this technique.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="OUT.png|.svg", help="Draw the map; with --confusable.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a whole library: quality, duplicates, coverage. Exit code 1 where a person has to look."""
    from library.coverage import coverage
    from library.quality import check_entries

    from ..quality.page import write_page

    if plot is not None and not confusable:
        raise UsageError("--plot draws the map: give --confusable as well")
    if not (1.0 <= snr <= 1e6 and 0.0 <= resolution <= 50.0):
        raise UsageError("--snr is 1 to 1000000, --resolution 0 to 50 cm⁻¹")
    library = opened(path)
    if confusable:
        _check_map_size(library, technique)
    with progress("quality control", total=len(library.entries)) as bar:
        found = check_entries(library.entries, progress=bar)
    known = _Known(library, found, coverage(library.entries), read_changes(library.path))
    maps = _maps(library, technique, snr, resolution) if confusable else []
    if report is not None:
        write_page(report, _page(known))
    drawn = _draw(maps, plot) if plot is not None else []
    if json:
        emit_json(_check_json(known, maps))
    else:
        for line in (
            *_check_lines(known),
            *_map_lines(maps),
            *(f"{place}: the map, drawn" for place in drawn),
        ):
            say(line)
    if found.needs_person:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a check found out."""

    library: Library
    found: "QualityReport"
    covered: "tuple[Covered, ...]"
    changes: tuple[dict[str, Any], ...]


def _page(known: _Known) -> str:
    from ..quality.page import quality_page

    library = known.library
    facts = {
        "library": f"{library.name}, digest {library.digest}",
        "changed by hand": f"{len(known.changes)} times",
        "controlled, not documented": undocumented_words(undocumented(library.entries), library.path)
        or "none",
    }
    title = f"Library {library.name}"
    return quality_page(title, known.found, library.entries, facts=facts, covered=known.covered)


def _check_json(known: _Known, maps: "list[Confusability]") -> dict[str, Any]:
    return {
        **library_json(known.library),
        "changes": list(known.changes),
        "needs_person": known.found.needs_person,
        "controlled_undocumented": [one.reference_id for one in undocumented(known.library.entries)],
        "quality": known.found.to_json(),
        "coverage": [one.to_json() for one in known.covered],
        "confusability": [one.to_json() for one in maps],
    }


def _check_lines(known: _Known) -> Iterator[str]:
    from ..quality.words import coverage_lines, quality_lines

    library = known.library
    yield f"{library.name}: {len(library.entries)} entries, digest {library.digest[:16]}…"
    yield from quality_lines(known.found)
    yield from coverage_lines(known.covered)
    if words := undocumented_words(undocumented(library.entries), library.path):
        yield words
    if known.changes:
        last = known.changes[-1]
        yield f"changed by hand {len(known.changes)} times, last {last.get('at')} by {last.get('by')}"


def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD.h5", help="The one version.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.h5", help="The other.")],
    json: Json = False,
) -> None:
    """Compare two versions of a library: added, removed, changed facts and spectra."""
    from library.comparing import compare as compared

    before, after = read_library(old), read_library(new)
    found = compared(before.entries, after.entries)
    if json:
        emit_json({"old": library_json(before), "new": library_json(after), **found.to_json()})
        return
    for line in _comparison_lines(found):
        say(line)
    say(
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, "
        f"{len(found.remeasured)} measured anew, {found.same} the same"
    )


def _comparison_lines(found: "Comparison") -> Iterator[str]:
    for sign, entries in (("+", found.added), ("-", found.removed)):
        for entry in entries[:MOST_NAMED]:
            yield f"{sign} {entry.substance.name} ({entry.reference_id})"
        if (more := len(entries) - MOST_NAMED) > 0:
            yield f"{sign} {more} more; --json names all"
    for one in found.changed[:MOST_NAMED]:
        yield f"~ {one.substance} ({one.reference_id})"
        for field, was, now in one.facts:
            yield f"    {field}: {_short(was)} → {_short(now)}"
        if one.spectrum:
            alike = "" if one.likeness is None else f", likeness {one.likeness:.3f}"
            yield f"    spectrum: {one.spectrum}{alike}"
    if (more := len(found.changed) - MOST_NAMED) > 0:
        yield f"~ {more} more; --json names all"
    for other in found.remeasured[:MOST_NAMED]:
        alike = "" if other.likeness is None else f", likeness {other.likeness:.3f}"
        yield f"* {other.substance}: {other.old} → {other.new}{alike}"


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _maps(
    library: Library, technique: Technique | None, snr: float, resolution: float
) -> "list[Confusability]":
    from library.confusability import confusability

    wanted = [technique] if technique else list(Technique)
    total = sum(entry.technique in wanted for entry in library.entries)
    maps = []
    with progress("map of confusability", total=total) as bar:
        for one in wanted:
            found = confusability(library.entries, one, snr=snr, resolution_cm1=resolution, progress=bar)
            maps += [found] if found is not None else []
    return maps


def _check_map_size(library: Library, technique: Technique | None) -> None:
    """Refuse a map that is too large before quality control has taken its minutes."""
    from library.confusability import MOST

    for one in [technique] if technique else list(Technique):
        count = sum(entry.technique is one for entry in library.entries)
        if count > MOST:
            raise UsageError(
                f"--confusable maps at most {MOST} references of a technique, this library has {count} of "
                f"{one}: map a library of a part of them"
            )


def _map_lines(maps: "list[Confusability]") -> Iterator[str]:
    for one in maps:
        yield (
            f"{one.technique}: {len(one.entries)} references at SNR {one.snr:g} and a resolution of "
            f"{one.resolution_cm1:g} cm⁻¹"
        )
        for group in one.groups:
            names = ", ".join(one.entries[place].substance.name for place in group)
            same = len({one.compounds[place] for place in group}) == 1
            yield f"  cannot be told apart: {names}{' (one compound)' if same else ''}"
        if not one.groups:
            yield "  every two can be told apart"
        if one.unseen:
            names = ", ".join(one.entries[place].substance.name for place in one.unseen[:MOST_NAMED])
            yield f"  too weak to be seen at all: {names}"
        for i, j, value in one.pairs():
            names = f"{one.entries[i].substance.name} / {one.entries[j].substance.name}"
            yield f"  nearest: {names}, distance {value:.2f}{' (confused)' if value < 1.0 else ''}"


def _draw(maps: "list[Confusability]", plot: Path) -> list[Path]:
    """Draw each map into a file of its own; return the files."""
    from ..plots import kind_of
    from ..plots.confusability import confusability_picture
    from ..quality.page import write_bytes

    try:
        kind = kind_of(plot)
    except ValueError as error:
        raise UsageError(f"--plot: {error}") from error
    if not maps:
        raise UsageError("--plot: there is no technique with two references to map")
    places = []
    for one in maps:
        place = plot if len(maps) == 1 else plot.with_stem(f"{plot.stem}-{one.technique}")
        write_bytes(place, confusability_picture(one, kind))
        places.append(place)
    return places
