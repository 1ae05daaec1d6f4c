"""Scores of a scan against a class: least squares with a Gaussian kernel, averaged over views.

What the scan is known to hold is taken out of the scan *and* of every reference first, so
that both are compared where a cut does not reach. References are few, so the equations
are solved anew for each scan.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .class_views import VIEWS, seen, typical, unit, without
from .errors import ValueRangeError
from .values import FloatArray

#: A reference that keeps less than this share of its energy beside what is known says nothing
#: more; chosen (a tenth of its amplitude).
LEFT_OVER = 0.01

#: What a scan that is like no reference scores; members aim at +1, negatives at this.
UNLIKE = -1.0

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Machine:
    """How references are compared."""

    views: tuple[tuple[str, float], ...]
    """Views that are averaged, each with its kernel's width over the median distance of the
    references; a view may stand there more than once and then weighs as much more."""
    ridge: float
    """Strength of the regularisation, above 0; larger is smoother."""
    spacing: float
    """Distance of the points, cm⁻¹."""

    def __post_init__(self) -> None:
        if not self.views or any(view not in VIEWS or not 0 < width < 1e6 for view, width in self.views):
            raise ValueRangeError(f"views {self.views} are not among {', '.join(VIEWS)} with widths above 0")
        if not (0 < self.ridge < 1e6 and 0 < self.spacing < 1e6):
            raise ValueRangeError(f"a ridge of {self.ridge} and points {self.spacing} cm⁻¹ apart")

    def weights(self) -> Mapping[tuple[str, float], float]:
        """Return each different view's share in the average."""
        return {view: count / len(self.views) for view, count in Counter(self.views).items()}


def responses(
    queries: FloatArray, rows: FloatArray, is_member: BoolArray, *, basis: FloatArray, machine: Machine
) -> FloatArray:
    """Score derivatives against a class: about +1 for members, −1 for all else.

    Parameters
    ----------
    queries
        Shape (q, n).
    rows, is_member
        References and which of them are members, shapes (m, n) and (m,).
    basis
        Orthonormal directions of what is known, taken out of both, shape (k, n).
    machine
        How they are compared.

    Returns
    -------
    ndarray
        Shape (q,), the mean of all views.
    """
    queries = without(queries, basis)
    total = np.full(len(queries), UNLIKE)
    for part in solved_views(rows, is_member, basis=basis, machine=machine):
        shown = seen(queries, part.view, machine.spacing)
        total += part.weight * (gram(shown @ part.rows.T, part.scale) @ part.coefficients)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class SolvedView:
    """One view of a machine, solved."""

    view: str
    """Its name."""
    weight: float
    """Its share in the average."""
    rows: FloatArray
    """References in it, of unit length, shape (m, n)."""
    scale: float
    """Width of the kernel."""
    coefficients: FloatArray
    """Coefficient of each reference, shape (m,)."""


def solved_views(
    rows: FloatArray, is_member: BoolArray, *, basis: FloatArray, machine: Machine
) -> Iterator[SolvedView]:
    """Solve each view of a machine beside what is known; none where no member is left."""
    rest, labels = left_over(rows, is_member, basis)
    if not labels.any():
        return
    for (view, width), weight in machine.weights().items():
        known = seen(rest, view, machine.spacing)
        cosines = known @ known.T
        scale = width * typical(cosines)
        yield SolvedView(view, weight, known, scale, solve(gram(cosines, scale), labels, machine.ridge))


def left_over(rows: FloatArray, is_member: BoolArray, basis: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Take known directions out of references; those of which little is left are left out."""
    rows = unit(rows)
    rest = without(rows, basis)
    kept = np.sum(rest**2, axis=1) > LEFT_OVER
    return rest[kept], is_member[kept]


def gram(cosines: FloatArray, scale: float) -> FloatArray:
    """Return the Gaussian kernel of rows of unit length from their scalar products, same shape."""
    return np.asarray(np.exp((np.minimum(cosines, 1.0) - 1.0) / scale))


def penalty(is_member: BoolArray, ridge: float) -> FloatArray:
    """Return the ridge of each reference: members together weigh as much as all negatives."""
    count = int(is_member.sum())
    share = np.where(is_member, count, is_member.size - count)
    return np.asarray(ridge * 2.0 * share / is_member.size)


def targets(is_member: BoolArray) -> FloatArray:
    """Return what the references should score beyond `UNLIKE`."""
    return np.where(is_member, 1.0 - UNLIKE, 0.0)


def solve(table: FloatArray, is_member: BoolArray, ridge: float) -> FloatArray:
    """Solve the regularised least squares; return a coefficient for each reference."""
    table = table + np.diag(penalty(is_member, ridge))
    return np.asarray(np.linalg.solve(table, targets(is_member)), dtype=np.float64)
