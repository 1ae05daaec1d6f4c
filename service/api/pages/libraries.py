"""What the pages of libraries show: methods and where they are in force, entries, and one spectrum."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from library.browsing import find_heads
from library.errors import LibraryError
from library.names import fold_name
from library.release_errors import NothingTrusted
from library.release_state import read_state
from spectra.references import Grade, ReferenceEntry
from spectra.values import Technique

from ...fleet_words import minute
from ..benches.repository import all_benches
from ..requests import Store
from ..tables import MethodFile
from .shelves import Shelf, libraries_here

#: Entries on a page (chosen), and method files in the list (chosen: more than anybody keeps in force).
SHOWN, SHOWN_METHODS = 50, 200

#: Most points of a spectrum in a chart: more than a wide screen has pixels (chosen).
POINTS = 4000

Place = Annotated[int, Field(ge=0, le=100_000)]


class EntryQuery(BaseModel):
    """Which entries of a library. What a form leaves empty is no filter."""

    model_config = ConfigDict(extra="ignore")

    q: Annotated[str, Field(max_length=200)] = ""
    grade: Grade | None = None
    technique: Technique | None = None
    start: Place = 0


@dataclass(slots=True)
class MethodLine:
    """A method the server knows of."""

    name: str
    version: int
    digest: str
    library_digest: str
    library_name: str = ""
    training: bool = False
    where: list[str] = field(default_factory=list)
    """Where it is in force, in words."""
    kept_at: str = ""
    """Since when its file is kept; empty for not."""
    readable: bool = False
    """Whether its library can be looked through here."""


def method_lines(store: Store, session: Session) -> list[MethodLine]:
    """Return the methods in force at benches, released here, and kept as evidence; those in force first."""
    lines: dict[str, MethodLine] = {}
    for one in _in_force(session):
        line = lines.setdefault(one.digest, one)
        line.where += [] if line is one else one.where
    for row in session.scalars(select(MethodFile).order_by(MethodFile.row.desc()).limit(SHOWN_METHODS)):
        known = MethodLine(row.name, row.version, row.method_digest, row.library_digest)
        lines.setdefault(row.method_digest, known).kept_at = minute(row.received_at)
    for digest, words, name, version in _released(store):
        lines.setdefault(digest, MethodLine(name, version, digest, "")).where.append(words)
    here = libraries_here(
        store, session, {one.library_digest for one in lines.values() if one.library_digest}
    )
    for line in lines.values():
        line.readable = line.library_digest in here
    return sorted(lines.values(), key=lambda one: (not one.where, one.name, -one.version))


def _in_force(session: Session) -> Iterator[MethodLine]:
    for bench in all_benches(session):
        said = json.loads(bench.facts).get("method")
        if said:
            library = said["library"]
            yield MethodLine(
                said["name"],
                said["version"],
                said["digest"],
                library["digest"],
                library["name"],
                bool(said["training"]),
                [bench.bench],
            )


def _released(store: Store) -> Iterator[tuple[str, str, str, int]]:
    folder = store.settings.releases_path
    try:
        state = None if folder is None else read_state(folder)
    except NothingTrusted:
        return
    except LibraryError:
        # The fleet's page and `doctor` say that the record of releases is damaged.
        return
    if state is not None and state.active is not None:
        one = state.active
        yield one.method_digest, f"release {one.number}, installed on this server", one.name, one.version


def entry_page(shelf: Shelf, query: EntryQuery) -> tuple[list[dict[str, Any]], bool]:
    """Return the entries of a page, as they say of themselves, and whether there are more."""
    folded = fold_name(query.q)

    def wanted(head: dict[str, Any]) -> bool:
        if query.grade is not None and head.get("grade") != query.grade:
            return False
        if query.technique is not None and head.get("technique") != query.technique:
            return False
        return not folded or any(folded in fold_name(str(name)) for name in _names(head))

    return find_heads(shelf.heads(), wanted, start=query.start, count=SHOWN)


def _names(head: dict[str, Any]) -> Iterable[object]:
    substance = head["substance"]
    named = (substance.get("name", ""), substance.get("substance_class", ""), head.get("reference_id", ""))
    synonyms = substance.get("synonyms", [])
    return (*named, substance.get("cas", ""), *(synonyms if isinstance(synonyms, list) else ()))


def spectrum_chart(entry: ReferenceEntry) -> dict[str, Any]:
    """Return what the chart of a reference draws; one of very many channels is thinned to its extremes."""
    spectrum = entry.spectrum
    axis, values = spectrum.axis, spectrum.intensity
    if axis.size > POINTS:
        axis, values = _extremes(axis, values, POINTS // 2)
    label = "Raman shift (cm⁻¹)" if spectrum.technique is Technique.RAMAN else "wavenumber (cm⁻¹)"
    y_label = "intensity" if spectrum.technique is Technique.RAMAN else "absorbance"
    return {
        "name": entry.substance.name,
        "x": [round(float(one), 2) for one in axis],
        "y": [float(f"{one:.5g}") for one in values],
        "x_label": label,
        "y_label": y_label,
    }


def strongest_bands(entry: ReferenceEntry, most: int = 12) -> list[tuple[float, float]]:
    """Return the highest local maxima and their shares of the highest, for the table beside the chart."""
    axis, values = entry.spectrum.axis, np.asarray(entry.spectrum.intensity)
    inner = values[1:-1]
    peaks = np.flatnonzero((inner > values[:-2]) & (inner >= values[2:])) + 1
    top = float(values.max()) or 1.0
    chosen = sorted(peaks[np.argsort(values[peaks])[::-1][:most]])
    return [(float(axis[one]), float(values[one]) / top) for one in chosen]


def _extremes(axis: Any, values: Any, parts: int) -> tuple[Any, Any]:
    """Return the lowest and the highest point of each part, in order: no band is lost."""
    keep: list[int] = []
    for part in np.array_split(np.arange(axis.size), parts):
        keep += sorted({int(part[values[part].argmin()]), int(part[values[part].argmax()])})
    return axis[keep], values[keep]
