"""Screening of large reference sets: which references are worth an exact fit.

One pass over a matrix in half precision scores each at every shift by what `spectra.search.screen`
calls the drop: the energy it explains of the weighted residual, beyond the model so far. Residual, basis
and weights are moved the other way instead of the references. A shift between two points is put together
from moves by whole points, the *lags*, so that 5 lags serve 9 shifts. What a reference has in common with
the model is kept: the next round of a forward selection looks only at what the model gained.

Half precision halves what has to come from memory, which is what a pass waits for. Sums are in single
precision: what rounding changes is the reference, by a few ten-thousandths of its norm, and the same
everywhere. Smooth references are kept at every few points (`spectra.thinning`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from . import _kernels
from ._kernels import LANES, Float16Array, Float32Array
from .errors import MethodError
from .lags import Lags, lagged, lags_of
from .thinning import interpolation, kept_points, thinned, triangle
from .values import FloatArray

#: References passed on to exact fits.
TOP = 200

#: Share of a reference's energy that must lie outside the model's span for it to be tested, as in
#: `spectra.search.screen`.
COLLINEAR = 1e-4

#: Smallest weighted norm of a reference that counts, of that under the largest weight everywhere:
#: less lies outside the measured range, and its quotient would be rounding noise (chosen).
MEASURED = 1e-5


class Top(NamedTuple):
    """The references that explain most."""

    rows: npt.NDArray[np.int64]
    """Their rows, best first, shape (count,)."""
    shifts: npt.NDArray[np.int64]
    """Index of the best shift of each."""
    drop: Float32Array
    """Energy each explains at that shift."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceIndex:
    """References in half precision, for screening."""

    matrix: Float16Array
    """One row of norm 1 a reference in half precision, zeros added in both directions to multiples of 16."""
    count: int
    """Number of references."""
    points: int
    """Points of a query."""
    stride: int = 1
    """Points of a query for each point of a reference."""

    @classmethod
    def build(cls, rows: npt.ArrayLike, *, stride: int = 1) -> Self:
        """Make an index of references.

        Parameters
        ----------
        rows
            What queries are compared with (derivatives), shape (references, points), any scale. A row of
            zeros is never found.
        stride
            Keep every so many points, from 1; rows must be smooth enough for it.

        Raises
        ------
        MethodError
            Not a matrix, or numbers that are not finite.
        """
        given = np.asarray(rows)
        if given.ndim != 2 or not given.size:
            raise MethodError(f"an index needs a matrix of references, got the shape {given.shape}")
        count, points = given.shape
        kept = kept_points(points, stride)
        matrix = np.zeros((count + -count % LANES, kept + -kept % LANES), dtype=np.float16)
        for start in range(0, count, 1024):
            part = np.asarray(given[start : start + 1024], dtype=np.float64)
            if not np.isfinite(part).all():
                raise MethodError("an index needs finite references")
            size = np.linalg.norm(part, axis=1, keepdims=True)
            matrix[start : start + len(part), :kept] = part[:, ::stride] / np.where(size > 0, size, 1.0)
        matrix.setflags(write=False)
        return cls(matrix, count, points, stride)

    def begin(
        self,
        weighted: FloatArray,
        weight: FloatArray,
        basis: FloatArray,
        shifts: Sequence[float],
        spacing: float,
        *,
        main: FloatArray | None = None,
        workers: int = 1,
    ) -> "Screening":
        """Score all references against what a model leaves of a query.

        Parameters
        ----------
        weighted
            The query times its weight, shape (points,).
        weight
            Square root of the relative weight of each point, shape (points,).
        basis
            Orthonormal rows spanning the weighted model, shape (k, points); k = 0 for none.
        shifts
            By how much references are moved, cm⁻¹.
        spacing
            Distance of the points, cm⁻¹.
        main
            Orthonormal rows of the basis' span that references are freed of, shape (j, points); all of it by
            default. Fewer take less time and make no score larger.
        workers
            Threads; the result does not depend on it.

        Raises
        ------
        MethodError
            A shape that does not fit the index.
        """
        main = basis if main is None else main
        for name, array in {"query": weighted, "weight": weight}.items():
            if array.shape != (self.points,):
                raise MethodError(f"{name} of shape {array.shape} against references of {self.points} points")
        for rows in (basis, main):
            if rows.ndim != 2 or rows.shape[1] != self.points:
                raise MethodError(f"basis of shape {rows.shape} against references of {self.points} points")
        shape = (len(shifts), len(self.matrix))
        lags = lags_of(shifts, spacing)
        plan = _Plan(self, np.array(weighted), np.array(weight), tuple(shifts), lags)
        norms = np.empty(shape, np.float32), np.empty(shape, np.float32)
        return _screened(plan, basis, main, main, norms, known=False, workers=workers)

    def only(self, rows: npt.NDArray[np.int64]) -> Self:
        """Return an index of some of the references, in the order given."""
        matrix = np.zeros((rows.size + -rows.size % LANES, self.matrix.shape[1]), dtype=np.float16)
        matrix[: rows.size] = self.matrix[rows]
        matrix.setflags(write=False)
        return type(self)(matrix, int(rows.size), self.points, self.stride)

    def scores(
        self,
        weighted: FloatArray,
        weight: FloatArray,
        basis: FloatArray,
        shifts: Sequence[float],
        spacing: float,
        *,
        workers: int = 1,
    ) -> Float32Array:
        """Return the drops of `begin`, shape (shifts, references)."""
        return self.begin(weighted, weight, basis, shifts, spacing, workers=workers).scores()


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What is compared with what, in all rounds of one query."""

    index: ReferenceIndex
    weighted: FloatArray
    weight: FloatArray
    shifts: tuple[float, ...]
    lags: Lags


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """The scores of all references beyond one model, and what the next model needs."""

    plan: _Plan
    """Index, query and shifts."""
    basis: FloatArray
    """Orthonormal rows spanning the weighted model, shape (k, points)."""
    main: FloatArray
    """Orthonormal rows of its span that references are freed of, shape (j, points)."""
    norms: tuple[Float32Array, Float32Array]
    """Weighted norm of each moved reference outside ``main``, and what it must exceed for the reference
    to be tested; shape (shifts, padded references)."""
    explained: Float32Array
    """Share of the residual's energy each reference explains, 0 to 1, shape (shifts, references)."""
    rss: float
    """Energy of the residual."""

    def scores(self) -> Float32Array:
        """Return the energy each reference explains beyond the model, shape (shifts, references)."""
        return np.asarray(self.explained * np.float32(self.rss))

    def top(self, count: int = TOP, *, without: Sequence[int] = ()) -> Top:
        """Return the references that explain most, each at its best shift.

        Parameters
        ----------
        count
            How many at most; those that explain nothing are left out.
        without
            Rows that are not wanted.
        """
        best = self.explained.max(axis=0)
        best[list(without)] = 0.0
        count = min(count, best.size)
        rows = np.argpartition(-best, count - 1)[:count] if count else np.zeros(0, np.int64)
        rows = rows[np.lexsort((rows, -best[rows]))]
        rows = rows[best[rows] > 0]
        drop = best[rows] * np.float32(self.rss)
        return Top(rows, self.explained[:, rows].argmax(axis=0), drop)

    def beyond(
        self,
        more: FloatArray,
        *,
        main: int | None = None,
        shifts: Sequence[float] | None = None,
        workers: int = 1,
    ) -> "Screening":
        """Score all references again after the model has grown.

        Parameters
        ----------
        more
            Weighted columns that were added to the model, shape (j, points), of any scale.
        main
            How many of them, the first ones, references are freed of; all by default.
        shifts
            Those of this screening that are still wanted; all by default.
        workers
            Threads; the result does not depend on it.
        """
        old = self.plan
        wanted = old.shifts if shifts is None else tuple(shifts)
        kept = [old.shifts.index(shift) for shift in wanted]
        plan = _Plan(old.index, old.weighted, old.weight, wanted, old.lags.only(kept))
        basis = np.concatenate((self.basis, orthonormal_beyond(self.basis, more)))
        added = orthonormal_beyond(self.main, more[:main])
        norms = self.norms[0][kept], self.norms[1][kept]
        whole = np.concatenate((self.main, added))
        return _screened(plan, basis, whole, added, norms, known=True, workers=workers)


def orthonormal_beyond(basis: FloatArray, more: FloatArray) -> FloatArray:
    """Return orthonormal rows for what rows span beyond an orthonormal basis.

    As in `spectra.search.basis_of`, directions below 1e-6 of the strongest count as none.
    """
    rows = more / np.maximum(np.linalg.norm(more, axis=1, keepdims=True), 1e-300)
    for _ in range(2):  # once leaves rounding errors of what was large
        rows = rows - (rows @ basis.T) @ basis
    _, size, right = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(right[size > 1e-6])


def _screened(
    plan: _Plan,
    basis: FloatArray,
    main: FloatArray,
    added: FloatArray,
    norms: tuple[Float32Array, Float32Array],
    *,
    known: bool,
    workers: int,
) -> Screening:
    """Score the references of a plan; ``norms`` hold those without ``added`` where they are known."""
    matrix = plan.index.matrix
    # Scores do not depend on the scale of the weights; single precision does.
    weight = plan.weight / max(float(np.max(plan.weight)), 1e-300)
    rest = plan.weighted - basis.T @ (basis @ plan.weighted)
    rss = float(rest @ rest)
    unit = rest / np.sqrt(rss) if rss > 0 else rest
    lags = plan.lags
    vectors = np.concatenate((unit[None], added)) * weight
    squared = (weight**2)[None][: 0 if known else 1]
    stride = plan.index.stride
    explained = _kernels.screen_rows(
        matrix,
        _laid(lagged(vectors, lags, weight.size), stride, interpolation(stride), matrix.shape[1]),
        _laid(lagged(squared, lags, weight.size), stride, triangle(stride), matrix.shape[1]),
        len(vectors),
        lags.first,
        lags.taps,
        (MEASURED, COLLINEAR),
        *norms,
        workers=workers,
    )
    return Screening(plan, basis, main, norms, explained[:, : plan.index.count], rss)


def _laid(vectors: Float32Array, stride: int, taps: FloatArray, width: int) -> Float32Array:
    """Thin vectors out and fill them up with zeros to a width."""
    fewer = thinned(vectors, stride, taps)
    laid = np.zeros((len(fewer), width), dtype=np.float32)
    laid[:, : fewer.shape[1]] = fewer
    return laid
