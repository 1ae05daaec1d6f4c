"""Whether what was measured is the standard at all, and where its pattern of lines lies."""

from itertools import pairwise

import numpy as np

from spectra.values import FloatArray, Spectrum

from .lines import FittedLine, fit_line
from .standards import UNLISTED, sharp_lines, standard_lines, standard_name

#: How far an axis may be off and its standard still be recognised, cm⁻¹. One handheld was seen off by 40.
FARTHEST_CM1 = 60.0
#: Distance at which the background of a band is taken, cm⁻¹ (chosen: beyond the foot of a 15 cm⁻¹ band).
_FOOT_CM1 = 20.0
#: A band this high beside the strongest line, where the standard has none, belongs to something else (chosen;
#: toluene's 521 and 786 cm⁻¹ are a third of its strongest and more, polystyrene's unlisted ones a tenth).
_FOREIGN_SHARE = 0.3
#: Where foreign bands are looked for, cm⁻¹: where every instrument measures and standards have gaps.
_LOOKED_AT = (250.0, 1900.0)
#: Within this of a listed line nothing is foreign, cm⁻¹ (chosen: half the widest band and a blend's pull).
_OWN_CM1 = 18.0
#: Lines this close to each other are moved alike by any axis, to within the second number, cm⁻¹ (chosen: real
#: instruments leave 0.7 between polystyrene's 1001 and 1032; toluene's bands there differ by 3.4 from them).
_NEIGHBOURS_CM1, _APART_CM1 = 60.0, 2.0


def fitted_lines(spectrum: Spectrum, standard: str) -> list[tuple[float, FittedLine | None]]:
    """Fit every sharp line of a standard that the axis holds; all of them farther away if they are not there.

    Parameters
    ----------
    spectrum
        Spectrum of the standard.
    standard
        Its name.

    Returns
    -------
    list
        Expected position, cm⁻¹, and the line; None where no band stands out.

    Raises
    ------
    UnknownStandard
        No lines are chosen for the standard.
    """
    first, last = spectrum.axis[0] + 15.0, spectrum.axis[-1] - 15.0
    wanted = [line for line in sharp_lines(standard) if first < line < last]
    near = [(line, fit_line(spectrum, line)) for line in wanted]
    if all(found is not None for _, found in near) or not wanted:
        return near
    offset = _offset(spectrum, wanted)
    # An axis that is off that far is never off by the same everywhere: each line is looked for anew.
    far = [(line, fit_line(spectrum, line + offset)) for line in wanted]
    return far if all(found is not None for _, found in far) else near


def foreign_band(
    spectrum: Spectrum, standard: str, lines: list[tuple[float, FittedLine | None]]
) -> float | None:
    """Return where a strong band lies that the standard does not have, cm⁻¹; None where there is none."""
    found = [(line, fit) for line, fit in lines if fit is not None]
    strongest = max((fit.height for _, fit in found), default=0.0)
    if not strongest:
        return None
    offset = float(np.median([fit.centre_cm1 - line for line, fit in found]))
    rise = _rise(spectrum)
    axis = spectrum.axis - offset
    own = (axis < _LOOKED_AT[0]) | (axis > _LOOKED_AT[1])
    for line in (*standard_lines(standard), *UNLISTED.get(standard_name(standard), ())):
        own |= np.abs(axis - line) <= _OWN_CM1
    rise = np.where(own, 0.0, rise)
    highest = int(np.argmax(rise))
    return float(spectrum.axis[highest]) if rise[highest] > _FOREIGN_SHARE * strongest else None


def torn_apart(lines: list[tuple[float, FittedLine | None]]) -> bool:
    """Whether neighbouring lines deviate so differently that no axis does that: another substance's bands."""
    off = [(line, fit.centre_cm1 - line, fit.sigma_cm1) for line, fit in lines if fit is not None]
    return any(
        second[0] - first[0] < _NEIGHBOURS_CM1
        and abs(second[1] - first[1]) > _APART_CM1 + 3.0 * float(np.hypot(first[2], second[2]))
        for first, second in pairwise(off)
    )


def _offset(spectrum: Spectrum, lines: list[float]) -> float:
    """Return by how much the lines are off together, cm⁻¹: where all of them rise highest at once."""
    rise = np.maximum(_rise(spectrum), 0.0)
    offsets = np.arange(-FARTHEST_CM1, FARTHEST_CM1 + 1.0, 1.0)
    # The product, so that one strong band cannot stand for all lines.
    score = np.ones(offsets.size)
    for line in lines:
        score *= np.interp(line + offsets, spectrum.axis, rise, left=0.0, right=0.0)
    return float(offsets[int(np.argmax(score))]) if score.any() else 0.0


def _rise(spectrum: Spectrum) -> FloatArray:
    """Return how far each channel stands above the line between its neighbourhood's ends."""
    x, y = spectrum.axis, spectrum.intensity
    sides = np.interp(x - _FOOT_CM1, x, y) + np.interp(x + _FOOT_CM1, x, y)
    return np.asarray(y - sides / 2.0)
