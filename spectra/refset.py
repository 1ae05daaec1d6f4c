"""References made ready for search: one matrix per technique and recipe."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ._kernels import LANES, Float16Array, Float32Array
from .errors import MethodError, SpectrumMismatch
from .recipe import Recipe, prepare, prepare_many
from .references import ReferenceEntry
from .screening import ReferenceIndex
from .thinning import kept_points
from .values import FloatArray
from .widths import WIDTHS, all_widths, at_every_width, broadened

#: Larger sets are kept once, in single precision, and broadened where they are needed: every width in
#: double precision would take 34 kB a reference. Chosen.
DENSE = 1000

#: Entries of a large set that are prepared together, where they share an axis. Chosen.
BATCH = 512

#: Width at which large sets are screened: between those of a like and a blunt instrument. Chosen.
SCREENED_WIDTH = 2

#: Distance at which broadened references are screened, at most, cm⁻¹. Chosen.
SCREENED_SPACING = 6.0


class Prepared(NamedTuple):
    """What the references of a large set are after their recipe."""

    references: tuple[str, ...]
    """Identifiers of those that cover enough of the recipe's range, row by row."""
    sharp: Float32Array
    """`ReferenceSet.sharp`."""
    matrix: Float16Array
    """`spectra.screening.ReferenceIndex.matrix`."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ReferenceSet:
    """References of one technique after one recipe."""

    entries: tuple[ReferenceEntry, ...]
    """The references, in the order of the rows."""
    recipe: Recipe
    """The recipe they went through."""
    axis: FloatArray
    """The recipe's full axis, cm⁻¹, shape (n,)."""
    rows: FloatArray
    """Derivatives for unit area, shape (widths, references, n); zero where not measured. Empty in a large
    set, which has an index instead."""
    single: Float32Array
    """The rows in single precision, for screening; same shape."""
    squares: Float32Array
    """Their squares, for weighted norms; same shape."""
    index: ReferenceIndex | None = None
    """The references at `SCREENED_WIDTH` in single precision, for a large set."""
    sharp: Float32Array | None = None
    """Derivatives for unit area as measured, in single precision, for a large set, shape (references, n)."""

    def prepared(self) -> Prepared | None:
        """Return what a large set took long to make, to be kept; None for a small one."""
        if self.index is None or self.sharp is None:
            return None
        references = tuple(entry.reference_id for entry in self.entries)
        return Prepared(references, self.sharp, self.index.matrix)

    def row(self, index: int, width: int = 0) -> FloatArray:
        """Return the derivative of a reference at an extra width, shape (n,)."""
        if self.sharp is None:
            return np.asarray(self.rows[width, index])
        return np.asarray(at_every_width(self, self.sharp, self.recipe.spacing, [index])[0][width])

    def subset(self, rows: Sequence[int]) -> "ReferenceSet":
        """Return a reference set of some of the rows, in the order given."""
        chosen = list(rows)
        entries = tuple(self.entries[row] for row in chosen)
        if self.sharp is None:
            single, squares = self.single[:, chosen], self.squares[:, chosen]
            return ReferenceSet(entries, self.recipe, self.axis, self.rows[:, chosen], single, squares)
        if len(chosen) > DENSE:
            return assemble(entries, self.recipe, self.axis, self.sharp[chosen])
        blunt = at_every_width(self, self.sharp, self.recipe.spacing, chosen)
        empty = np.zeros((len(WIDTHS), 0, self.axis.size))
        return _whole(entries, self.recipe, self.axis, np.stack(blunt, 1) if chosen else empty)

    def names(self) -> tuple[str, ...]:
        """Return the substance name of each row."""
        return tuple(entry.substance.name for entry in self.entries)

    def same_answer(self, index: int) -> frozenset[int]:
        """Return the rows that mean the same substance as a row, itself included."""
        by_name = _rows_by_name(self)
        return frozenset(row for name in _identity(self.entries[index]) for row in by_name[name])

    def rows_of(self, name: str) -> tuple[int, ...]:
        """Return the rows that stand for a substance by one of their names."""
        return _rows_by_name(self).get(name, ())


#: Rows by name of sets that were asked before: a large one takes long to look through.
_BY_NAME: WeakKeyDictionary[ReferenceSet, dict[str, tuple[int, ...]]] = WeakKeyDictionary()


def _rows_by_name(references: ReferenceSet) -> dict[str, tuple[int, ...]]:
    known = _BY_NAME.get(references)
    if known is None:
        found: dict[str, list[int]] = {}
        for row, entry in enumerate(references.entries):
            for name in _identity(entry):
                found.setdefault(name, []).append(row)
        known = _BY_NAME[references] = {name: tuple(rows) for name, rows in found.items()}
    return known


def _identity(entry: ReferenceEntry) -> frozenset[str]:
    return frozenset({entry.substance.name, *entry.equivalents})


def build_reference_set(
    entries: Iterable[ReferenceEntry], recipe: Recipe, *, prepared: Prepared | None = None
) -> ReferenceSet:
    """Carry out a recipe on references and stack them.

    A reference that covers too little of the recipe's range is left out.

    Parameters
    ----------
    entries
        References; those of another technique, and surface-enhanced ones, are passed over.
    recipe
        The recipe queries will go through as well.
    prepared
        What `ReferenceSet.prepared` said of the same entries and recipe, where it was kept.

    Raises
    ------
    MethodError
        No reference of the technique is left, or what was kept is of others.
    """
    mine = [entry for entry in entries if entry.technique is recipe.technique and not entry.enhanced]
    if prepared is not None:
        return _of_prepared(mine, recipe, prepared)
    # One block for all: parts of it would stay scattered over memory when they are put together.
    rows = np.zeros((len(mine), recipe.grid().size), dtype=np.float32)
    (_one_by_one if len(mine) <= DENSE else _in_batches)(mine, recipe, rows)
    kept = np.flatnonzero(rows.any(axis=1))
    if not kept.size:
        raise MethodError(f"no {recipe.technique} reference covers the range of recipe {recipe.name!r}")
    if kept.size < len(mine):
        mine, rows = [mine[place] for place in kept], rows[kept]
    return assemble(tuple(mine), recipe, recipe.grid(), rows)


def _of_prepared(mine: list[ReferenceEntry], recipe: Recipe, prepared: Prepared) -> ReferenceSet:
    """Put together a large set that was prepared before."""
    axis, stride = recipe.grid(), _stride(recipe)
    by_id = {entry.reference_id: entry for entry in mine}
    entries = tuple(by_id[key] for key in prepared.references if key in by_id)
    count = len(entries)
    shape = count + -count % LANES, kept_points(axis.size, stride) + -kept_points(axis.size, stride) % LANES
    if count != len(prepared.references) or prepared.sharp.shape != (count, axis.size):
        raise MethodError("the prepared references are those of another library or recipe")
    if prepared.matrix.shape != shape:
        raise MethodError("the index of the prepared references is another one's")
    return _large(
        entries, recipe, axis, prepared.sharp, ReferenceIndex(prepared.matrix, count, axis.size, stride)
    )


def _one_by_one(entries: Sequence[ReferenceEntry], recipe: Recipe, rows: Float32Array) -> None:
    """Set the rows of entries; those of entries that cover too little stay zero."""
    for place, entry in enumerate(entries):
        try:
            features = prepare(entry.spectrum, recipe)
        except SpectrumMismatch:
            continue
        rows[place] = _laid(features.values[None], features.corrected[None], features.first, recipe)[0]


def _in_batches(entries: Sequence[ReferenceEntry], recipe: Recipe, rows: Float32Array) -> None:
    """Set the same rows as `_one_by_one`; entries that share an axis are prepared together."""
    alike: dict[tuple[bytes, float | None, bool], list[int]] = {}
    for place, entry in enumerate(entries):
        spectrum = entry.spectrum
        key = spectrum.axis.tobytes(), spectrum.resolution_cm1, spectrum.noise is None
        alike.setdefault(key, []).append(place)
    for (_, resolution, silent), places in alike.items():
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            spectra = [entries[place].spectrum for place in some]
            noise = None if silent else np.stack([np.asarray(one.noise) for one in spectra])
            try:
                batch = prepare_many(
                    spectra[0].axis,
                    np.stack([one.intensity for one in spectra]),
                    recipe,
                    noise=noise,
                    resolution_cm1=resolution,
                )
            except SpectrumMismatch:
                break
            rows[some] = _laid(batch.values, batch.corrected, batch.first, recipe)


def _laid(values: FloatArray, corrected: FloatArray, first: int, recipe: Recipe) -> Float32Array:
    """Return derivatives for unit area on the recipe's axis; zero where there is nothing."""
    area = np.abs(corrected).sum(axis=1, keepdims=True) * recipe.spacing
    laid = np.zeros((len(values), recipe.grid().size), dtype=np.float32)
    laid[:, first : first + values.shape[1]] = np.where(area > 0, values / np.where(area > 0, area, 1.0), 0.0)
    return laid


def assemble(
    entries: tuple[ReferenceEntry, ...],
    recipe: Recipe,
    axis: FloatArray,
    sharp: FloatArray | Float32Array,
) -> ReferenceSet:
    """Make a reference set of rows that went through the recipe already, shape (references, n)."""
    if len(entries) > DENSE:
        kept: Float32Array = np.asarray(sharp, dtype=np.float32)
        kept.setflags(write=False)
        blunt = broadened(kept, WIDTHS[SCREENED_WIDTH], recipe.spacing)
        return _large(entries, recipe, axis, kept, ReferenceIndex.build(blunt, stride=_stride(recipe)))
    return _whole(entries, recipe, axis, all_widths(sharp, recipe.spacing))


def _stride(recipe: Recipe) -> int:
    return max(1, int(SCREENED_SPACING / recipe.spacing))


def _large(
    entries: tuple[ReferenceEntry, ...],
    recipe: Recipe,
    axis: FloatArray,
    sharp: Float32Array,
    index: ReferenceIndex,
) -> ReferenceSet:
    shape = len(WIDTHS), 0, axis.size
    nothing, single = np.zeros(shape), np.zeros(shape, np.float32)
    return ReferenceSet(entries, recipe, axis, nothing, single, single, index, sharp)


def _whole(
    entries: tuple[ReferenceEntry, ...], recipe: Recipe, axis: FloatArray, rows: FloatArray
) -> ReferenceSet:
    """Return a small set of rows at every width, shape (widths, references, n)."""
    single = rows.astype(np.float32)
    squares = single**2
    for array in (rows, single, squares):
        array.setflags(write=False)
    return ReferenceSet(entries, recipe, axis, rows, single, squares)
