"""References at the widths of blunter instruments."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from . import steps
from ._kernels import Float32Array
from .values import FloatArray

#: Extra widths (FWHM, cm⁻¹) by which references are broadened to meet a blunter instrument.
WIDTHS = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)

#: Rows of a large set that are kept at every width, 34 kB each. Chosen.
KEPT = 512

#: Rows of large sets at every width, of those asked last: a scan asks for the same ones again and again.
_KEPT: WeakKeyDictionary[object, dict[int, FloatArray]] = WeakKeyDictionary()


def at_every_width(
    owner: object, sharp: Float32Array, spacing: float, rows: Sequence[int]
) -> list[FloatArray]:
    """Return rows of a large set at every width, shape (widths, n) each; those asked last are kept.

    Parameters
    ----------
    owner
        The set; what is kept lasts as long as it.
    sharp
        Its rows as measured, shape (references, n).
    spacing
        Distance of the points, cm⁻¹.
    rows
        Which are wanted.
    """
    known = _KEPT.get(owner, {})
    missing = {row for row in rows if row not in known}
    if missing:
        wanted = sorted(missing)
        made = all_widths(sharp[wanted], spacing)
        # A new dictionary each time: others may be reading the old one.
        kept = (
            known if len(known) + len(wanted) <= KEPT else {row: known[row] for row in rows if row in known}
        )
        known = _KEPT[owner] = {**kept, **{row: made[:, k] for k, row in enumerate(wanted)}}
    return [known[row] for row in rows]


def all_widths(sharp: FloatArray | Float32Array, spacing: float) -> FloatArray:
    """Return rows at every width in double precision, shape (widths, references, n)."""
    double = np.asarray(sharp, np.float64)
    return np.stack([broadened(double, width, spacing) for width in WIDTHS])


def broadened(rows: FloatArray | Float32Array, width: float, spacing: float) -> FloatArray:
    """Return rows broadened by a width (FWHM, cm⁻¹)."""
    return steps.broaden(np.asarray(rows), fwhm=width, spacing=spacing)
