"""Shift standards: where the bands of a known substance belong."""

import csv
from functools import cache
from importlib.resources import files

from .errors import UnknownStandard

#: Lines sharp and alone enough to be fitted by one peak at 5–15 cm⁻¹ resolution, cm⁻¹.
#: Polystyrene 795.8, 1450.5 and 1583.1 blend with neighbours at that resolution.
SHARP: dict[str, tuple[float, ...]] = {
    "polystyrene": (620.9, 1001.4, 1031.8, 1155.3, 1602.3),
    "acetaminophen": (390.9, 651.6, 857.9, 1168.5, 1323.9),
    "cyclohexane": (801.3, 1028.3, 1266.4),
}

#: Lines that calibrate: sharp, alone, and strong enough at handheld resolution, cm⁻¹. More substances than
#: `SHARP`: one line is enough for the laser, and too little to verify an instrument with.
CALIBRATING: dict[str, tuple[float, ...]] = {
    **SHARP,
    "silicon": (520.45,),
    "calcite": (281.26, 711.95, 1085.91),
    "naphthalene": (513.8, 763.8, 1382.2),
    "benzonitrile": (460.9, 1000.7, 1598.9, 2229.4),
}


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
    lines = sorted(float(row["position_cm1"]) for row in table if row["substance"] == standard)
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
    if standard not in SHARP:
        raise UnknownStandard(f"verification knows {', '.join(SHARP)}, not {standard!r}")
    known = standard_lines(standard)
    return tuple(min(known, key=lambda line: abs(line - wanted)) for wanted in SHARP[standard])


def calibration_lines(standard: str) -> tuple[float, ...]:
    """Return the lines of a substance that may calibrate an axis, cm⁻¹.

    Raises
    ------
    UnknownStandard
        No such lines are chosen for it.
    """
    if not CALIBRATING.get(standard):
        raise UnknownStandard(f"calibration knows {', '.join(CALIBRATING)}, not {standard!r}")
    known = standard_lines(standard)
    return tuple(min(known, key=lambda line: abs(line - wanted)) for wanted in CALIBRATING[standard])
