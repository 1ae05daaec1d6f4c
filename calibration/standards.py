"""Shift standards: where the bands of a known substance belong."""

import csv
from functools import cache
from importlib.resources import files

from .errors import UnknownStandard

#: Lines sharp and alone enough to be fitted by one peak at 5–15 cm⁻¹ resolution, cm⁻¹.
#: Not chosen, on real 785 nm spectra: polystyrene 795.8, 1450.5 and 1583.1, acetaminophen 1236.8, 1323.9 and
#: 1648.4 and cyclohexane 1028.3 blend with neighbours, so that they move with resolution, or lie 0.4 cm⁻¹ and
#: more away from where the other lines of the same spectrum are.
SHARP: dict[str, tuple[float, ...]] = {
    "polystyrene": (620.9, 1001.4, 1031.8, 1155.3, 1602.3),
    "acetaminophen": (390.9, 651.6, 797.2, 857.9, 1168.5, 1561.6),
    "cyclohexane": (801.3, 1266.4, 1444.4),
}
#: Strong bands that the standards have besides those of ASTM E1840, cm⁻¹; read off real 785 nm spectra.
UNLISTED: dict[str, tuple[float, ...]] = {"acetaminophen": (1611.0,)}
#: Those of them that are less than a fifth of the strongest line: a weak scan may not show them, cm⁻¹.
FAINT: dict[str, tuple[float, ...]] = {"polystyrene": (620.9, 1155.3), "acetaminophen": (390.9,)}
#: Other names of standards.
SYNONYMS = {"paracetamol": "acetaminophen"}


def standard_name(text: str) -> str:
    """Return the name the tables have for a standard, however it is written; unknown ones as they are."""
    name = text.strip().casefold()
    return SYNONYMS.get(name, name)


@cache
def standard_lines(standard: str) -> tuple[float, ...]:
    """Return the band positions of a shift standard, cm⁻¹, ascending.

    Source: ASTM E1840-96(2014) as tabulated in ``calibration/data/shift_standards.csv``.

    Raises
    ------
    UnknownStandard
        The table does not hold it.
    """
    text = files("calibration").joinpath("data/shift_standards.csv").read_text("utf-8")
    table = csv.DictReader(text.splitlines())
    lines = sorted(float(row["position_cm1"]) for row in table if row["substance"] == standard_name(standard))
    if not lines:
        raise UnknownStandard(f"no shift standard named {standard!r} in the table of ASTM E1840 values")
    return tuple(lines)


def sharp_lines(standard: str) -> tuple[float, ...]:
    """Return the lines of a standard that a verification fits, cm⁻¹.

    Raises
    ------
    UnknownStandard
        No such lines are chosen for it.
    """
    name = standard_name(standard)
    if name not in SHARP:
        raise UnknownStandard(f"verification knows {', '.join(SHARP)}, not {standard!r}")
    known = standard_lines(name)
    return tuple(min(known, key=lambda line: abs(line - wanted)) for wanted in SHARP[name])
