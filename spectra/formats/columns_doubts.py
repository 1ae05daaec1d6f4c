"""Columns of numbers that can be read in two ways: asked about, never guessed."""

import re
from collections.abc import Sequence

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Technique
from .columns_names import ASK

#: Absorbance of no instrument reaches this; larger numbers without a name are something else.
LARGEST_ABSORBANCE = 10.0
#: Share of points that noise may drive beyond it; chosen on a chromatogram's FTIR spectra in SPC (1 of 857)
#: and two Raman and counting files that call themselves absorbance (16 and 94 %).
ABSURD_SHARE = 0.01
#: A fraction of light, noise included, stays below; chosen.
LARGEST_FRACTION = 1.5
#: A Raman axis in nm spans less than this ratio (785 nm: 790 to 1060; 1064 nm: 1070 to 1650), one in cm⁻¹ of
#: any use spans more; chosen. Shorter pieces are no whole spectra.
LARGEST_NM_RATIO, NM_RANGE, LEAST_SPAN = 1.75, (350.0, 2000.0), 50.0
#: Infrared axes that end below are in µm, those above in nm; none in cm⁻¹ has such ends. Chosen.
LARGEST_UM, SMALLEST_NM, LARGEST_CM1 = 60.0, 2000.0, 12_500.0
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


def is_no_absorbance(values: FloatArray) -> bool:
    """Whether numbers called absorbance cannot be that: it is at most about 10."""
    return bool(np.mean(np.abs(values) > LARGEST_ABSORBANCE) > ABSURD_SHARE)


def check_absorbance(values: FloatArray) -> None:
    """Raise `FormatError` where numbers called absorbance cannot be that."""
    if is_no_absorbance(values):
        raise FormatError(
            f"called absorbance, but {np.abs(values).max():.4g} is none: transmittance in per cent, or "
            "counts? Export it anew with its unit"
        )


def check_commas(rows: Sequence[Sequence[str]]) -> None:
    """Raise `FormatError` where every comma could also stand between thousands."""
    with_comma = [cell for row in rows for cell in row if "," in cell]
    if all(_THOUSANDS.fullmatch(cell) for cell in with_comma):
        raise FormatError(
            f"commas in numbers like {with_comma[0][:24]!r} may be decimal marks or stand between thousands: "
            "write the file with decimal points"
        )


def check_axis(axis: FloatArray, technique: Technique) -> None:
    """Raise `FormatError` where an axis without a unit does not look like one in cm⁻¹."""
    low, high = float(axis.min()), float(axis.max())
    if technique is Technique.RAMAN:
        within = NM_RANGE[0] <= low and high <= NM_RANGE[1]
        if within and high - low >= LEAST_SPAN and high <= LARGEST_NM_RATIO * low:
            raise FormatError(
                f"no unit is named, and an axis of {low:g} to {high:g} may be nm or cm-1: {ASK}"
            )
    elif low > 0 and (high <= LARGEST_UM or (low >= SMALLEST_NM and high > LARGEST_CM1)):
        raise FormatError(f"no unit is named, and an axis of {low:g} to {high:g} looks like no cm-1: {ASK}")


def check_ordinates(values: FloatArray) -> None:
    """Raise `FormatError` where infrared ordinates without a unit do not look like absorbance."""
    if values.max() > LARGEST_ABSORBANCE:
        raise FormatError(
            f"no unit is named, and an absorbance of {values.max():g} is impossible: transmittance? {ASK}"
        )
    dips = float(np.median(values)) > 0.5 * (float(values.max()) + float(values.min()))
    if dips and values.min() >= 0 and 0.5 < values.max() <= LARGEST_FRACTION and values.size > 2:
        raise FormatError(
            f"no unit is named, and ordinates that look like transmittance, not absorbance: {ASK}"
        )
