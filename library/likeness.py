"""How alike references are: squared cosines of derivatives at the best shift, in blocks of bounded memory.

The measure is that of `spectra.select.near_duplicates`. Blocks of `BLOCK` × `BLOCK` products keep the memory
below some 20 MB however many references there are; pairs of one compound are reduced to one number for
each reference, pairs of two compounds to one for each pair of compounds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spectra.fitting import SHIFTS

Rows = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

#: References compared with as many at a time.
BLOCK = 1024
#: Pairs of compounds kept; a library with more of them has another problem than each of these. Chosen.
MOST_PAIRS = 5_000


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two references of different compounds that are alike."""

    first: int
    """Place of one reference."""
    second: int
    """Place of the other, which comes later."""
    likeness: float
    """Squared cosine at the best shift, 0 to 1: the highest of any two references of these compounds."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """What a comparison of all references with each other found."""

    pairs: tuple[AlikePair, ...]
    """Pairs of compounds above the limit, most alike first; at most `MOST_PAIRS`."""
    own: npt.NDArray[np.float64]
    """For each reference the likeness to the most alike other one of its compound; NaN without another."""


def compare_all(
    rows: Rows,
    compounds: Sequence[int],
    *,
    spacing: float,
    least: float,
    since: int = 0,
    progress: Callable[[int], None] = lambda _done: None,
) -> Likeness:
    """Compare every reference with every other.

    Parameters
    ----------
    rows
        Derivatives on the recipe's axis, shape (m, n), any scale; a row of zeros is like nothing.
    compounds
        Number of the compound of each row.
    spacing
        Distance of the points, cm⁻¹; shifts are those of `spectra.fitting.SHIFTS` that are whole points.
    least
        Smallest likeness of a pair of compounds that is told.
    since
        Rows before this one are not compared among each other: a library that is only added to.
    progress
        Called with the number of rows done after each block.
    """
    unit = _unit(rows)
    kinds = np.asarray(compounds, dtype=np.int64)
    best: dict[tuple[int, int], AlikePair] = {}
    floor = least
    own = np.full(len(unit), np.nan)
    for low in range(since - since % BLOCK, len(unit), BLOCK):
        right = slice(max(low, since), min(low + BLOCK, len(unit)))
        for start in range(0, right.stop, BLOCK):
            left = slice(start, min(start + BLOCK, right.stop))
            block = _products(unit[left], unit[right], spacing)
            # Each pair once, and no reference with itself.
            upper = np.arange(left.start, left.stop)[:, None] < np.arange(right.start, right.stop)
            same = kinds[left][:, None] == kinds[right]
            _keep_own(own, block, upper & same, left, right)
            for pair in _best_pairs(block, upper & ~same & (block >= floor), kinds, left, right):
                _keep(best, pair, kinds)
            if len(best) > 2 * MOST_PAIRS:
                best, floor = _most_alike(best)
        progress(right.stop)
    return Likeness(tuple(sorted(best.values(), key=_order)[:MOST_PAIRS]), own)


def likeness(first: Rows, second: Rows, spacing: float) -> float:
    """Return the likeness of two derivatives on one axis, shape (n,)."""
    return float(_products(_unit(first[None]), _unit(second[None]), spacing)[0, 0])


def _unit(rows: Rows) -> Rows:
    """Return rows of length one, so that their products are cosines."""
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(size > 0, size, 1.0), dtype=np.float32)


def _products(left: Rows, right: Rows, spacing: float) -> Rows:
    """Return the highest squared cosine over the shifts, shape (left, right)."""
    reach = int(SHIFTS[-1] // spacing)
    n = left.shape[1]
    inner = left[:, reach : n - reach]
    best = np.zeros((len(left), len(right)), dtype=np.float32)
    for k in range(2 * reach + 1):
        np.maximum(best, inner @ right[:, k : n - 2 * reach + k].T, out=best)
    return np.asarray(np.minimum(best * best, 1.0), dtype=np.float32)


def _keep_own(
    own: npt.NDArray[np.float64], block: Rows, mask: npt.NDArray[np.bool_], left: slice, right: slice
) -> None:
    if not mask.any():
        return
    chosen = np.where(mask, block, np.nan)
    for side, axis in ((left, 1), (right, 0)):
        there = mask.any(axis=axis)
        own[side][there] = np.fmax(
            own[side][there], np.nanmax(chosen[:, there] if axis == 0 else chosen[there], axis=axis)
        )


def _best_pairs(
    block: Rows, mask: npt.NDArray[np.bool_], kinds: Places, left: slice, right: slice
) -> Iterator[AlikePair]:
    """Return for each pair of compounds the two most alike references of a block."""
    i, j = np.nonzero(mask)
    if not i.size:
        return
    a, b = kinds[left][i], kinds[right][j]
    pair = np.minimum(a, b) * (int(kinds.max()) + 1) + np.maximum(a, b)
    values = block[i, j]
    order = np.lexsort((-values, pair))
    _, firsts = np.unique(pair[order], return_index=True)
    chosen = order[firsts]
    if chosen.size > MOST_PAIRS:
        # thousands of copies of one spectrum make a million pairs a block
        chosen = chosen[np.argsort(-values[chosen], kind="stable")[:MOST_PAIRS]]
    for place in chosen:
        yield AlikePair(left.start + int(i[place]), right.start + int(j[place]), float(values[place]))


def _keep(best: dict[tuple[int, int], AlikePair], pair: AlikePair, kinds: Places) -> None:
    a, b = int(kinds[pair.first]), int(kinds[pair.second])
    key = (min(a, b), max(a, b))
    known = best.get(key)
    if known is None or pair.likeness > known.likeness:
        best[key] = pair


def _order(pair: AlikePair) -> tuple[float, int, int]:
    return -pair.likeness, pair.first, pair.second


def _most_alike(best: dict[tuple[int, int], AlikePair]) -> tuple[dict[tuple[int, int], AlikePair], float]:
    """Return the `MOST_PAIRS` most alike pairs, and the likeness below which no later one can be of them."""
    kept = sorted(best.items(), key=lambda item: _order(item[1]))[:MOST_PAIRS]
    return dict(kept), kept[-1][1].likeness
