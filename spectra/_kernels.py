"""The door to compiled kernels: numba where it is installed, else NumPy and pybaselines.

Both ways follow the same definitions: baselines agree within 1e-6 of a spectrum's range, scores
within single precision. Nothing is compiled, and numba is not imported, before a kernel is used.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import RecipeError
from .values import FloatArray

Float16Array = npt.NDArray[np.float16]
Float32Array = npt.NDArray[np.float32]

#: Rows of a screen that share one slice of work: the vectors of the kernels have this length.
LANES = 16

#: Points from which the compiled kernel knows the ends of the difference matrix.
LEAST_POINTS = 4

#: Rows multiplied at a time without numba: their squares stay in cache.
_BLOCK = 256


#: Change of the weights, in multiples of the tolerance, from which rounds that ran out were swinging between
#: two backgrounds and not slowly settling (chosen: above 65 against below 25 on simulated spectra).
SWINGING = 50.0


@cache
def available() -> bool:
    """Return whether numba is installed (it is not imported for that)."""
    return find_spec("numba") is not None


@cache
def _compiled() -> ModuleType | None:
    """Return the compiled kernels, None where numba cannot be used."""
    try:
        numba = import_module("numba")
        return None if numba.config.DISABLE_JIT else import_module("spectra._compiled")
    except ImportError:
        return None


def _kernels() -> ModuleType | None:
    return _compiled() if available() else None


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Return threads that stay: starting them takes as long as screening a few thousand references."""
    return ThreadPoolExecutor(workers, thread_name_prefix="spectra-kernels")


# The child of a fork has no threads: it starts its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _shared_out(
    work: Callable[[int, int], object], count: int, workers: int, *, step: int = 1, slices: int = 1
) -> None:
    """Do work on slices [start, stop) of a range, cut at multiples of a step, in threads.

    Several slices for each thread even out what else the machine does.
    """
    parts = workers * slices if workers > 1 else 1
    size = max(-(-count // (parts * step)), 1) * step
    starts = iter(range(0, count, size))
    if size >= count:
        work(0, count)
        return
    taken = Lock()

    def turns() -> None:
        while True:
            with taken:
                start = next(starts, None)
            if start is None:
                return
            work(start, min(start + size, count))

    helpers = [_pool(workers - 1).submit(turns) for _ in range(workers - 1)]
    turns()  # the caller works too: waking fewer threads takes less time
    for helper in helpers:
        helper.result()


def arpls(
    rows: FloatArray,
    *,
    lam: float,
    diff_order: int = 2,
    tol: float = 1e-3,
    max_iter: int = 50,
    workers: int = 1,
    finished: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Find the arPLS baseline of many spectra (Baek et al., Analyst 140 (2015) 250).

    The definition is `pybaselines.Baseline.arpls` of pybaselines 1.2: weights
    1/(1 + exp(2 · (d − (2σ − μ))/σ)) with the mean μ and deviation σ of the negative residuals, stopped
    when the weights change by less than ``tol`` of their norm, or when fewer than two residuals are
    negative. A flat spectrum is its own baseline.

    Parameters
    ----------
    rows
        Evenly spaced spectra, shape (m, n), finite.
    lam
        Smoothness λ > 0; larger is stiffer.
    diff_order
        Order of the penalised differences; other than 2 nothing is compiled.
    tol, max_iter
        When to stop: relative change of the weights, and rounds after the first.
    workers
        Threads; the result does not depend on it.
    finished
        Receives False for rows whose weights still swung when the rounds ran out, shape (m,).

    Returns
    -------
    ndarray
        Baselines, shape (m, n).

    Raises
    ------
    RecipeError
        Not a matrix of finite numbers, or λ is not positive.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise RecipeError("baselines need a matrix of finite intensities, one spectrum a row")
    if not lam > 0:
        raise RecipeError(f"a baseline's stiffness must be positive, got {lam}")
    result = rows.copy()
    ended = np.ones(len(rows), dtype=bool) if finished is None else finished
    ended[:] = True
    curved = np.flatnonzero(np.ptp(rows, axis=1) > 0) if rows.size else np.zeros(0, np.int64)
    kernels = _kernels()
    if kernels is not None and diff_order == 2 and rows.shape[1] >= LEAST_POINTS:
        # A kernel is compiled once more for arrays that are read-only: never hand it one.
        given = rows if curved.size == len(rows) and rows.flags.writeable else rows[curved]
        found, solved = np.empty_like(given), np.zeros(len(given), np.uint8)

        def work(start: int, stop: int) -> None:
            part = slice(start, stop)
            kernels.arpls_rows(given[part], float(lam), float(tol), int(max_iter), found[part], solved[part])

        _shared_out(work, len(given), workers)
        result[curved] = found
        ended[curved[solved == 2]] = False
        # Systems that are singular in floating point: pybaselines says what becomes of them.
        curved = curved[solved == 0]
    options = {"lam": lam, "diff_order": diff_order, "tol": tol, "max_iter": max_iter}
    _one_by_one(rows, curved, result, options, ended)
    return result


def came_to_an_end(tol_history: npt.ArrayLike, *, tol: float, max_iter: int) -> bool:
    """Return whether pybaselines' weights settled, or nearly so when its rounds ran out, by their history."""
    history = np.atleast_1d(tol_history)
    return history.size <= max_iter or float(history[-1]) < SWINGING * tol


def _one_by_one(
    rows: FloatArray,
    which: npt.NDArray[np.int64],
    result: FloatArray,
    options: dict[str, Any],
    ended: npt.NDArray[np.bool_],
) -> None:
    """Write the baselines of some rows as pybaselines finds them."""
    if not which.size:
        return
    # Here, because importing it takes a second (it brings numba), and most commands need no baseline.
    from pybaselines import Baseline
    from pybaselines.utils import ParameterWarning

    fitter = Baseline(np.arange(rows.shape[1], dtype=np.float64))
    with warnings.catch_warnings():
        # Spectra without a background end the weighting early: the fit stands, the warning is for tuning.
        warnings.simplefilter("ignore", ParameterWarning)
        for i in which:
            result[i], told = fitter.arpls(rows[i], **options)
            ended[i] = came_to_an_end(
                told["tol_history"], tol=options["tol"], max_iter=int(options["max_iter"])
            )


def screen_rows(
    matrix: Float16Array,
    plain: Float32Array,
    squared: Float32Array,
    parts: int,
    first: Sequence[int],
    taps: Float32Array,
    floor: tuple[float, float],
    apart: Float32Array,
    least: Float32Array,
    *,
    workers: int = 1,
) -> Float32Array:
    """Score every row of a reference index at every shift (`spectra.screening`).

    Parameters
    ----------
    matrix
        References in half precision, shape (rows, n); both multiples of `LANES`.
    plain
        The residual (of norm 1) and the basis at every lag, lag by lag, shape (lags · parts, n).
    squared
        Squared weights at every lag, shape (lags, n); no row where ``apart`` is known already.
    parts
        Vectors of one lag: the residual and the basis.
    first, taps
        First lag of each shift, and the shares of it and the next three, shape (shifts, 4).
    floor
        Smallest weighted norm that counts, and the share of a norm that must lie outside the basis.
    apart, least
        Weighted norms outside the basis so far and what they must reach, shape (shifts, rows); written.
    workers
        Threads; the result does not depend on it.

    Returns
    -------
    ndarray
        Share of the residual's energy each row explains, shape (shifts, rows), 0 to 1.
    """
    drop = np.empty_like(apart)
    where = np.asarray(first, dtype=np.int64)
    kernels = _kernels()
    if kernels is None:
        work = _plain_screen(matrix, plain, squared, parts, where, taps, floor, apart, least, drop)
    else:
        limits = np.array(floor, dtype=np.float32)
        flat = matrix.view(np.uint16).reshape(-1)
        fives, weights = _in_fives(plain), _in_fives(squared)

        def work(start: int, stop: int) -> None:
            kernels.screen_rows(
                flat, start, stop, fives, weights, parts, where, taps, limits, apart, least, drop
            )

    _shared_out(work, len(matrix), workers, step=_BLOCK, slices=2)
    return drop


def _in_fives(vectors: Float32Array) -> Float32Array:
    """Add rows of zeros up to a multiple of five, the vectors of one tile."""
    more = -len(vectors) % 5
    return np.ascontiguousarray(np.pad(vectors, ((0, more), (0, 0))), dtype=np.float32)


def _plain_screen(
    matrix: Float16Array,
    plain: Float32Array,
    squared: Float32Array,
    parts: int,
    first: npt.NDArray[np.int64],
    taps: Float32Array,
    floor: tuple[float, float],
    apart: Float32Array,
    least: Float32Array,
    drop: Float32Array,
) -> Callable[[int, int], None]:
    """Return the work of `screen_rows` without numba: matrix products of blocks that stay in cache."""
    lags = len(plain) // parts
    mixing = np.zeros((first.size, lags + 3), dtype=np.float32)
    for shift, lag in enumerate(first):
        mixing[shift, lag : lag + 4] = taps[shift]
    mixing = np.ascontiguousarray(mixing[:, :lags])

    def block(start: int, stop: int) -> None:
        rows, here = matrix[start:stop].astype(np.float32), slice(start, stop)
        if squared.size:
            apart[:, here] = mixing @ (squared[:lags] @ np.square(rows).T)
            least[:, here] = np.maximum(floor[1] * apart[:, here], floor[0])
        inner = (plain[: lags * parts] @ rows.T).reshape(lags, -1)
        mixed = (mixing @ inner).reshape(first.size, parts, -1)
        apart[:, here] -= np.square(mixed[:, 1:]).sum(axis=1)
        usable = apart[:, here] > least[:, here]
        gain = np.square(np.maximum(mixed[:, 0], 0.0)) / np.where(usable, apart[:, here], 1.0)
        drop[:, here] = np.where(usable, np.minimum(gain, 1.0), 0.0)

    def work(start: int, stop: int) -> None:
        for low in range(start, stop, _BLOCK):
            block(low, min(low + _BLOCK, stop))

    return work
