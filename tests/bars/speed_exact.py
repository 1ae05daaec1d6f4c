"""The exact winner among all references, to judge a screen by.

Exact is what decides in `spectra.select`: the residual of `spectra.fitting.fit_terms` with the blank and one
candidate at one shift and width, all corrections and priors included, in double precision. That takes a
millisecond, and there are 25,000 × 9 × 2 of them. Nothing is left out nevertheless: least squares without
priors and without signs, over the same columns, leaves at most as much as `fit_terms`. Candidates are taken
in the order of this bound until it passes the best fit met so far; no later one can win.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from spectra import steps
from spectra._compiled.lanes import (
    LANES,
    fill,
    kernel,
    load,
    multiply_add,
    pair1,
    pair2,
    pair4,
    pair8,
    store,
)
from spectra._kernels import Float32Array
from spectra.fitting import Fit, Term, basis_of, fit_terms
from spectra.moving import moved
from spectra.query import Query
from spectra.refset import ReferenceSet
from spectra.values import FloatArray
from spectra.widths import WIDTHS

#: Widths tried, as indices of `spectra.widths.WIDTHS`: 4 and 12 cm⁻¹. All six would take three times as long;
#: those between lie within 1.2 standard deviations of the prior of the width correction, which is fitted.
EXACT_WIDTHS = (1, 3)

#: For rounding, so that the bound stays one: a share of the residual.
MARGIN = 1e-5


@dataclass(frozen=True, slots=True)
class Winner:
    """The candidate that explains most."""

    term: Term | None
    """Where it stands; None where no candidate explains anything."""
    rss: float
    """Residual energy of its fit."""
    fits: int
    """Exact fits that were needed to be sure."""


def stacked(references: ReferenceSet) -> list[Float32Array]:
    """Return all references at each of the exact widths, shape (references, n) each."""
    assert references.sharp is not None
    broadened = (steps.broaden(references.sharp, fwhm=WIDTHS[w], spacing=2.0) for w in EXACT_WIDTHS)
    return [np.ascontiguousarray(rows, dtype=np.float32) for rows in broadened]


def exact_winner(
    query: Query,
    references: ReferenceSet,
    stacks: list[Float32Array],
    null: Fit,
    shifts: tuple[float, ...],
    *,
    workers: int,
) -> Winner:
    """Find the reference, shift and width whose exact fit beside a model leaves least."""
    bounds = np.stack(
        [lower_bounds(query, references, rows, null, shifts, workers=workers) for rows in stacks]
    )
    best, term, fits = null.rss, None, 0
    for place in np.argsort(bounds, axis=None):
        if bounds.flat[place] > best:
            break
        width, row, shift = np.unravel_index(int(place), bounds.shape)
        tried = Term(int(row), shifts[int(shift)], EXACT_WIDTHS[int(width)])
        trial = fit_terms(query, references, [*null.terms, tried])
        fits += 1
        if trial.amplitudes[-1] > 0 and trial.rss < best:
            best, term = trial.rss, tried
    return Winner(term, best, fits)


def lower_bounds(
    query: Query,
    references: ReferenceSet,
    rows: Float32Array,
    null: Fit,
    shifts: tuple[float, ...],
    *,
    workers: int,
) -> FloatArray:
    """Return what unpenalised least squares leaves with each candidate, shape (references, shifts)."""
    basis = basis_of(query, references, null)
    target = query.weight * query.values
    rest = target - basis.T @ (basis @ target)
    n = rest.size
    width = n + -n % LANES
    fixed = np.zeros((1 + len(basis), width))
    fixed[0, :n], fixed[1:, :n] = rest, basis
    weight, slope = np.zeros(width), np.zeros(width)
    weight[:n], slope[:n] = query.weight, np.linspace(-1.0, 1.0, n)
    drops = np.empty((len(rows), len(shifts)))
    # Moving an impulse shows the weights of the four points that a moved reference is made of.
    impulse = np.zeros(41)
    impulse[20] = 1.0
    taps = np.stack([moved(impulse, shift / query.spacing) for shift in shifts])

    def work(start: int) -> None:
        stop = min(start + 500, len(rows))
        part = rows[start:stop], taps, weight, slope, fixed.reshape(-1), len(basis), query.spacing
        _drops(*part, drops[start:stop])

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(0, len(rows), 500)))
    return np.asarray(float(rest @ rest) * (1.0 - MARGIN) - drops)


@kernel
def _drops(rows, taps, weight, slope, fixed, parts, spacing, drops):  # type: ignore[no-untyped-def]
    """Set how much of the residual each row's four columns can explain beyond a basis."""
    width, n = weight.size, rows.shape[1]
    base, steep, bent = np.zeros(width + 2 * LANES), np.zeros(width + 2 * LANES), np.zeros(width + 2 * LANES)
    padded, flat = np.zeros(width + 4 * LANES), np.zeros(4 * width)
    gram, inner = np.zeros((4, 4)), np.zeros((4, 1 + parts))
    for r in range(len(rows)):
        padded[2 * LANES : 2 * LANES + n] = rows[r]
        for s in range(len(taps)):
            _move(padded, taps[s], n, base)
            _gradient(base, n, spacing, steep)
            _gradient(steep, n, spacing, bent)
            _columns(base, steep, bent, weight, slope, flat)
            for a in range(4):
                _four_dots(flat, flat, a * width, width, gram[a])
            for k in range(1 + parts):
                _four_dots(flat, fixed, k * width, width, inner[:, k])
            drops[r, s] = _explained(gram, inner)


@kernel
def _move(padded, taps, n, base):  # type: ignore[no-untyped-def]
    """Move a row that has two vectors of zeros on each side; the result has one."""
    for i in range(0, n, LANES):
        some = fill(0.0)
        for tap in range(taps.size):
            if taps[tap] != 0.0:
                some = some + taps[tap] * load(padded, 2 * LANES + i - (tap - taps.size // 2))
        store(base, LANES + i, some)
    base[LANES + n :] = 0.0


@kernel
def _gradient(values, n, spacing, result):  # type: ignore[no-untyped-def]
    """Differentiate as `numpy.gradient` does."""
    at = LANES
    for i in range(0, n, LANES):
        step = load(values, at + i + 1) - load(values, at + i - 1)
        store(result, at + i, step * (0.5 / spacing))
    result[at] = (values[at + 1] - values[at]) / spacing
    result[at + n - 1] = (values[at + n - 1] - values[at + n - 2]) / spacing
    result[at + n :] = 0.0


@kernel
def _columns(base, steep, bent, weight, slope, flat):  # type: ignore[no-untyped-def]
    """Write the weighted columns of `spectra.fitting.columns`: itself, slope, shift, width."""
    width = weight.size
    for i in range(0, width, LANES):
        size = load(weight, i)
        store(flat, i, size * load(base, LANES + i))
        store(flat, width + i, size * load(slope, i) * load(base, LANES + i))
        store(flat, 2 * width + i, size * load(steep, LANES + i))
        store(flat, 3 * width + i, size * load(bent, LANES + i))


@kernel
def _four_dots(flat, vectors, at, width, into):  # type: ignore[no-untyped-def]
    """Multiply the four columns by one vector."""
    a, b, c, d = fill(0.0), fill(0.0), fill(0.0), fill(0.0)
    for i in range(0, width, LANES):
        v = load(vectors, at + i)
        a = multiply_add(v, load(flat, i), a)
        b = multiply_add(v, load(flat, width + i), b)
        c = multiply_add(v, load(flat, 2 * width + i), c)
        d = multiply_add(v, load(flat, 3 * width + i), d)
    zero = fill(0.0)
    low, high = pair4(pair8(a, b), pair8(c, d)), pair4(pair8(zero, zero), pair8(zero, zero))
    sums = np.empty(LANES)
    store(sums, 0, pair1(pair2(low, high), pair2(high, high)))
    for k in range(4):
        into[k] = sums[k]


@kernel
def _explained(gram, inner):  # type: ignore[no-untyped-def]
    """Eliminate the basis, then sum the squares of a forward substitution; spans of nothing count as none."""
    drop = 0.0
    for a in range(4):
        size = gram[a, a]
        for k in range(1, inner.shape[1]):
            gram[a, a] -= inner[a, k] ** 2
            for b in range(a + 1, 4):
                gram[b, a] -= inner[a, k] * inner[b, k]
        for j in range(a):
            gram[a, a] -= gram[a, j] ** 2
        if gram[a, a] <= 1e-10 * size:
            for b in range(a, 4):
                gram[b, a] = 0.0
            continue
        root = np.sqrt(gram[a, a])
        for b in range(a + 1, 4):
            for j in range(a):
                gram[b, a] -= gram[b, j] * gram[a, j]
            gram[b, a] /= root
        inside = inner[a, 0]
        for j in range(a):
            inside -= gram[a, j] * inner[j, 0]
        inner[a, 0] = inside / root
        gram[a, a] = root
        drop += inner[a, 0] ** 2
    return drop
