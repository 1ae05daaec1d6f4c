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


#: Lines that calibrate: sharp, alone, and strong enough at handheld resolution, cm⁻¹. More substances than
#: `SHARP`: one line is enough for the laser, and too little to verify an instrument with.
CALIBRATING: dict[str, tuple[float, ...]] = {
    **SHARP,
    "silicon": (520.45,),
    "calcite": (281.26, 711.95, 1085.91),
    "naphthalene": (513.8, 763.8, 1382.2),
    "benzonitrile": (460.9, 1000.7, 1598.9, 2229.4),
}


#: Crystals of few bands, whose tables are complete.
MINERALS = frozenset({"silicon", "calcite"})

#: Height of a band whose table gives a rank in place of a number, share of the strongest (chosen).
RANKS = {"vs": 1.0, "s": 0.6, "m": 0.35, "w": 0.15, "vw": 0.05, "": 0.5}


@cache
def weighted_lines(standard: str) -> tuple[tuple[float, float], ...]:
    """Return the bands of a shift standard and how high each is, as a share of the strongest.

    Positions as `standard_lines`; heights are rough, and good for telling which band is which.

    Raises
    ------
    UnknownStandard
        The table does not hold it.
    """
    name = standard_name(standard)
    rows = [row for row in _table() if row["substance"] == name]
    if not rows:
        raise UnknownStandard(f"no shift standard named {standard!r} in the table of ASTM E1840 values")
    heights = [RANKS.get(row["relative_intensity"]) for row in rows]
    numbers = [
        float(row["relative_intensity"]) if height is None else height
        for row, height in zip(rows, heights, strict=True)
    ]
    top = max(numbers)
    return tuple((float(row["position_cm1"]), one / top) for row, one in zip(rows, numbers, strict=True))


@cache
def _table() -> tuple[dict[str, str], ...]:
    text = files("calibration").joinpath("data/shift_standards.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def standard_lines(standard: str) -> tuple[float, ...]:
    """Return the band positions of a shift standard, cm⁻¹, ascending.

    Source: ASTM E1840-96(2014) as tabulated in ``calibration/data/shift_standards.csv``.

    Raises
    ------
    UnknownStandard
        The table does not hold it.
    """
    name = standard_name(standard)
    lines = sorted(float(row["position_cm1"]) for row in _table() if row["substance"] == name)
    if not lines:
        raise UnknownStandard(f"no shift standard named {standard!r} in the table of ASTM E1840 values")
    return tuple(lines)


def sharp_lines(standard: str) -> tuple[float, ...]:
    """Return the lines of a standard that a verification fits, cm⁻¹; raises `UnknownStandard`."""
    return _chosen(standard, SHARP, "verification")


def calibration_lines(standard: str) -> tuple[float, ...]:
    """Return the lines of a substance that may calibrate an axis, cm⁻¹; raises `UnknownStandard`."""
    return _chosen(standard, CALIBRATING, "calibration")


def _chosen(standard: str, table: dict[str, tuple[float, ...]], what: str) -> tuple[float, ...]:
    name = standard_name(standard)
    if name not in table:
        raise UnknownStandard(f"{what} knows {', '.join(table)}, not {standard!r}")
    known = standard_lines(name)
    return tuple(min(known, key=lambda line: abs(line - wanted)) for wanted in table[name])
