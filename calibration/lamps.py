"""Emission lines of discharge lamps."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from spectra.values import FloatArray

from .errors import UnknownStandard

#: Lamps by the name people say, and the element whose lines they show.
LAMPS = {"neon": "Ne", "argon": "Ar", "mercury": "Hg"}


@dataclass(frozen=True, slots=True)
class LampLines:
    """The lines of one lamp or of several that shone together, ascending."""

    elements: tuple[str, ...]
    """Element of each line, shape (n,)."""
    wavelength_nm: FloatArray
    """Wavelength in air, nm, shape (n,)."""
    strength: FloatArray
    """Rough strength from 0 to 1, comparable within one element only, shape (n,)."""

    def __len__(self) -> int:
        return len(self.elements)


def lamp_lines(lamps: Sequence[str]) -> LampLines:
    """Return the lines of one or more lamps.

    Source: ``calibration/data/lamp_lines.csv`` (NIST ASD by way of public lists). ASD intensities are rough
    and depend on the lamp: strengths only order the lines, on a logarithmic scale (1 decade is 1/4, chosen).

    Parameters
    ----------
    lamps
        ``neon``, ``argon``, ``mercury``, or the elements ``Ne``, ``Ar``, ``Hg``.

    Raises
    ------
    UnknownStandard
        No lamp, or one that the table does not hold.
    """
    elements = {LAMPS.get(name.strip().lower(), name.strip().title()) for name in lamps}
    unknown = elements - {one for one, _, _ in _table()}
    if unknown or not elements:
        raise UnknownStandard(f"the lamps are {', '.join(LAMPS)}, not {', '.join(sorted(unknown)) or 'none'}")
    chosen = sorted((row for row in _table() if row[0] in elements), key=lambda row: row[1])
    strength = np.zeros(len(chosen))
    for element in elements:
        mine = np.array([row[0] == element for row in chosen])
        raw = np.array([row[2] for row in chosen])[mine]
        strength[mine] = np.clip(1.0 + np.log10(raw / raw.max()) / 4.0, 0.0, 1.0)
    return LampLines(
        tuple(row[0] for row in chosen), np.array([row[1] for row in chosen], dtype=np.float64), strength
    )


@cache
def _table() -> tuple[tuple[str, float, float], ...]:
    text = files("calibration").joinpath("data/lamp_lines.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    # A line whose list tells no intensity counts as a weak one.
    return tuple(
        (row["element"], float(row["wavelength_nm_air"]), float(row["relative_intensity"] or 1.0))
        for row in rows
    )
