"""Which references cannot be told apart by a scan of given quality: a map for a laboratory.

Every reference is made into the scan it would give: broadened to the instrument's resolution, with noise for
a signal-to-noise ratio. The statistic of the search itself (`spectra.search.screen`: a likelihood ratio whose
errors are noise and the mismatch of two instruments) is then asked of all references at every shift and width
that a search tries. With Tᵢⱼ that of reference j for the scan of i,

    Dᵢⱼ = (Tᵢᵢ − Tᵢⱼ) / max(RIVAL_MARGIN, RIVAL_SHARE · Tᵢᵢ)

is by how many times the true reference beats the other by what makes a rival (`spectra.select`); the
smaller of Dᵢⱼ and Dⱼᵢ counts. Below 1 a scan is expected to name both. No noise is drawn: the expected scan
decides, so the map is the same every time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from spectra import steps
from spectra.fitting import fit_terms
from spectra.operators import local_polynomial
from spectra.query import Query, weigh
from spectra.recipe import Recipe, default_recipe
from spectra.references import ReferenceEntry
from spectra.refset import ReferenceSet, build_reference_set
from spectra.search import SHIFTS, screen, widths_index
from spectra.select import RIVAL_MARGIN, RIVAL_SHARE
from spectra.values import FloatArray, Technique

from .equivalents import compound_numbers
from .errors import LibraryFormatError

#: More references make a picture nobody can read, and 20 minutes of work. Chosen.
MOST = 2_000
#: References screened at a time: beyond `spectra.refset.DENSE` a set keeps no rows.
BLOCK = 500
#: The distance cannot be larger than this: nothing of the scan explained.
FAR = 1.0 / RIVAL_SHARE
#: Pairs that are told although they can be told apart.
NEAREST = 20


@dataclass(frozen=True, slots=True, eq=False)
class Confusability:
    """The map of one technique."""

    technique: Technique
    """The technique."""
    snr: float
    """Strongest band over the noise of the scans."""
    resolution_cm1: float
    """Resolution of the instrument, cm⁻¹."""
    entries: tuple[ReferenceEntry, ...]
    """The references, in the order of the dendrogram's leaves."""
    distance: FloatArray
    """D of each two of them, shape (m, m), symmetric, zero on the diagonal; below 1 they are confused."""
    tree: FloatArray
    """Dendrogram in SciPy's form over the references in this order, complete linkage, shape (m − 1, 4)."""
    groups: tuple[tuple[int, ...], ...]
    """Groups of which every two are confused, of at least two, as places in `entries`."""
    unseen: tuple[int, ...]
    """References whose own scan is too weak to be seen: their statistic is below the margin of a rival."""
    compounds: tuple[int, ...]
    """Number of the compound of each reference; equal numbers are one compound under several names."""

    def pairs(self, *, below: float = FAR, most: int = NEAREST) -> list[tuple[int, int, float]]:
        """Return the nearest pairs of different compounds, nearest first."""
        i, j = np.triu_indices(len(self.entries), 1)
        numbers = np.asarray(self.compounds)
        chosen = (self.distance[i, j] < below) & (numbers[i] != numbers[j])
        i, j = i[chosen], j[chosen]
        order = np.argsort(self.distance[i, j], kind="stable")[:most]
        return [(int(i[k]), int(j[k]), float(self.distance[i[k], j[k]])) for k in order]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, without the matrix."""
        names = [_name(entry) for entry in self.entries]
        return {
            "technique": str(self.technique),
            "snr": self.snr,
            "resolution_cm1": self.resolution_cm1,
            "references": len(self.entries),
            "groups": [[names[place] for place in group] for group in self.groups],
            "unseen": [names[place] for place in self.unseen],
            "nearest": [
                {"entries": [names[i], names[j]], "distance": round(value, 3), "confused": value < 1.0}
                for i, j, value in self.pairs()
            ],
        }


def confusability(
    entries: Iterable[ReferenceEntry],
    technique: Technique,
    *,
    snr: float = 50.0,
    resolution_cm1: float = 10.0,
    progress: Callable[[float], None] = lambda _done: None,
) -> Confusability | None:
    """Return which references of a technique cannot be told apart; None with fewer than two.

    Parameters
    ----------
    entries
        References; those of another technique, or that cover too little, are passed over.
    technique
        The technique.
    snr
        Height of the strongest band over the noise of a point of the recipe's axis.
    resolution_cm1
        Full width at half maximum of the instrument's line, cm⁻¹. A reference is broadened by what its own
        resolution lacks of that, in squares; one of unknown resolution by the whole.
    progress
        Called with 1 for each reference done.

    Raises
    ------
    LibraryFormatError
        More than `MOST` references.
    """
    recipe = default_recipe(technique)
    mine = [entry for entry in entries if entry.technique is technique and not entry.enhanced]
    if len(mine) > MOST:
        raise LibraryFormatError(
            f"a map of {len(mine)} references cannot be read; at most {MOST}: map a part of them"
        )
    blocks = _blocks(mine, recipe)
    kept = [entry for block in blocks for entry in block.entries]
    if len(kept) < 2:
        return None
    found = np.zeros((len(kept), len(kept)))
    for i, query in enumerate(_scans(blocks, recipe, snr, resolution_cm1)):
        found[i] = np.concatenate([_statistics(query, block) for block in blocks])
        progress(1)
    own = np.diag(found).copy()
    margin = np.maximum(RIVAL_MARGIN, RIVAL_SHARE * own)
    apart = np.clip((own[:, None] - found) / margin[:, None], 0.0, FAR)
    return _clustered(kept, np.minimum(apart, apart.T), own, technique, snr, resolution_cm1)


def _blocks(entries: Sequence[ReferenceEntry], recipe: Recipe) -> list[ReferenceSet]:
    """Return the usable references in sets small enough to keep their rows."""
    grid = recipe.grid()
    usable = [
        entry
        for entry in entries
        if min(entry.spectrum.axis[-1], grid[-1]) - max(entry.spectrum.axis[0], grid[0])
        > (grid[-1] - grid[0]) / 2
    ]
    return [
        build_reference_set(usable[start : start + BLOCK], recipe) for start in range(0, len(usable), BLOCK)
    ]


def _scans(
    blocks: Iterable[ReferenceSet], recipe: Recipe, snr: float, resolution_cm1: float
) -> Iterable[Query]:
    """Return the expected scan of each reference."""
    options = recipe.settings("derivative") or {}
    n, spacing = recipe.grid().size, recipe.spacing
    middle = np.asarray(local_polynomial(n, spacing=spacing, **options).todense())[n // 2]
    gain = float(np.sum(middle**2))
    for block in blocks:
        for row, entry in enumerate(block.entries):
            values = block.row(row)
            missing = resolution_cm1**2 - (entry.spectrum.resolution_cm1 or 0.0) ** 2
            seen = steps.broaden(values, fwhm=float(np.sqrt(max(missing, 0.0))), spacing=spacing)
            # The derivative added up is the spectrum again, but for a constant.
            height = float(np.ptp(np.cumsum(seen))) * spacing
            variance = np.full(n, (height / snr) ** 2 * gain)
            yield weigh(seen, variance, values != 0.0, spacing=spacing)


def _statistics(query: Query, references: ReferenceSet) -> FloatArray:
    null = fit_terms(query, references, [])
    scores = screen(query, references, null, shifts=SHIFTS, widths=widths_index())
    return np.asarray(scores.max(axis=(0, 1)))


def _clustered(
    entries: Sequence[ReferenceEntry],
    distance: FloatArray,
    own: FloatArray,
    technique: Technique,
    snr: float,
    resolution_cm1: float,
) -> Confusability:
    """Order the references so that neighbours are alike, and group those that are confused."""
    np.fill_diagonal(distance, 0.0)
    flat = squareform(distance, checks=False)
    tree = optimal_leaf_ordering(linkage(flat, method="complete"), flat)
    order = leaves_list(tree)
    # Leaves are numbered by their place, so that the tree's order is that of the matrix.
    leaf = tree[:, :2] < len(entries)
    tree[:, :2][leaf] = np.argsort(order)[tree[:, :2][leaf].astype(np.intp)]
    labels = fcluster(tree, t=1.0 - 1e-9, criterion="distance")
    members: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        members.setdefault(int(label), []).append(place)
    chosen = [entries[int(place)] for place in order]
    return Confusability(
        technique,
        snr,
        resolution_cm1,
        tuple(chosen),
        distance[np.ix_(order, order)],
        np.asarray(tree),
        tuple(tuple(group) for group in members.values() if len(group) > 1),
        tuple(int(place) for place in np.flatnonzero(own[order] < RIVAL_MARGIN)),
        tuple(compound_numbers(chosen)),
    )


def _name(entry: ReferenceEntry) -> dict[str, str]:
    return {"reference_id": entry.reference_id, "substance": entry.substance.name}
