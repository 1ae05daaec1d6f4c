"""References made ready for search: one matrix per technique and recipe."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from . import steps
from .errors import MethodError, SpectrumMismatch
from .recipe import Features, Recipe, prepare, prepare_many
from .references import ReferenceEntry
from .screening import ReferenceIndex
from .values import FloatArray

#: Extra widths (FWHM, cm⁻¹) by which references are broadened to meet a blunter instrument.
WIDTHS = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)

#: Larger sets are kept once, in single precision, and broadened where they are needed: every width in
#: double precision would take 34 kB a reference. Chosen.
DENSE = 1000

#: References of a large set that go through the recipe together. Chosen: some 10 MB.
BATCH = 256

#: Width at which large sets are screened: between those of a like and a blunt instrument. Chosen.
SCREENED_WIDTH = 1


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
    squares: FloatArray
    """The rows squared, for weighted norms; same shape."""
    index: ReferenceIndex | None = None
    """The references at `SCREENED_WIDTH` in single precision, for a large set."""
    sharp: FloatArray | None = None
    """Derivatives for unit area as measured, in single precision, for a large set, shape (references, n)."""

    def row(self, index: int, width: int = 0) -> FloatArray:
        """Return the derivative of a reference at an extra width, shape (n,)."""
        if self.sharp is None:
            return np.asarray(self.rows[width, index])
        return _broadened(self.sharp[index].astype(np.float64), WIDTHS[width], self.recipe)

    def subset(self, rows: Sequence[int]) -> "ReferenceSet":
        """Return a reference set of some of the rows, in the order given."""
        chosen = list(rows)
        entries = tuple(self.entries[row] for row in chosen)
        if self.sharp is not None:
            return assemble(entries, self.recipe, self.axis, self.sharp[chosen])
        return ReferenceSet(entries, self.recipe, self.axis, self.rows[:, chosen], self.squares[:, chosen])

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


def build_reference_set(entries: Iterable[ReferenceEntry], recipe: Recipe) -> ReferenceSet:
    """Carry out a recipe on references and stack them.

    A reference that covers too little of the recipe's range is left out.

    Parameters
    ----------
    entries
        References; those of another technique are passed over.
    recipe
        The recipe queries will go through as well.

    Raises
    ------
    MethodError
        No reference of the technique is left.
    """
    full = recipe.grid()
    given = [entry for entry in entries if entry.technique is recipe.technique]
    kept, rows = [], []
    for entry, features in _prepared(given, recipe):
        area = float(np.sum(np.abs(features.corrected))) * recipe.spacing
        if area <= 0:
            continue
        row = np.zeros(full.size, dtype=np.float32)
        row[features.first : features.first + features.axis.size] = features.values / area
        kept.append(entry)
        rows.append(row)
    if not kept:
        raise MethodError(f"no {recipe.technique} reference covers the range of recipe {recipe.name!r}")
    return assemble(tuple(kept), recipe, full, np.stack(rows))


def _prepared(entries: Sequence[ReferenceEntry], recipe: Recipe) -> Iterator[tuple[ReferenceEntry, Features]]:
    """Carry out a recipe on references, in their order; large sets go through it many at a time."""
    start = 0
    while start < len(entries):
        stop = start + 1
        if len(entries) > DENSE:
            while stop < min(start + BATCH, len(entries)) and _alike(entries[start], entries[stop]):
                stop += 1
        chosen = entries[start:stop]
        first, start = chosen[0].spectrum, stop
        noises = [entry.spectrum.noise for entry in chosen if entry.spectrum.noise is not None]
        try:
            if len(chosen) == 1:
                yield chosen[0], prepare(first, recipe)
                continue
            batch = prepare_many(
                first.axis,
                np.stack([entry.spectrum.intensity for entry in chosen]),
                recipe,
                noise=np.stack(noises) if noises else None,
                resolution_cm1=first.resolution_cm1,
            )
        except SpectrumMismatch:
            continue
        for row, entry in enumerate(chosen):
            yield entry, batch.row(row)


def _alike(one: ReferenceEntry, other: ReferenceEntry) -> bool:
    """Whether two references can go through a recipe together."""
    a, b = one.spectrum, other.spectrum
    same = a.axis is b.axis or np.array_equal(a.axis, b.axis)
    return same and a.resolution_cm1 == b.resolution_cm1 and (a.noise is None) == (b.noise is None)


def assemble(
    entries: tuple[ReferenceEntry, ...], recipe: Recipe, axis: FloatArray, sharp: FloatArray
) -> ReferenceSet:
    """Make a reference set of rows that went through the recipe already, shape (references, n)."""
    if len(entries) > DENSE:
        sharp = np.asarray(sharp, dtype=np.float32)
        sharp.setflags(write=False)
        nothing = np.zeros((len(WIDTHS), 0, axis.size))
        blunt = _broadened(sharp, WIDTHS[SCREENED_WIDTH], recipe)
        index = ReferenceIndex.build(blunt)
        return ReferenceSet(entries, recipe, axis, nothing, nothing, index, sharp)
    rows = np.stack([_broadened(np.asarray(sharp, np.float64), width, recipe) for width in WIDTHS])
    rows.setflags(write=False)
    squares = rows**2
    squares.setflags(write=False)
    return ReferenceSet(entries, recipe, axis, rows, squares)


def _broadened(rows: FloatArray, width: float, recipe: Recipe) -> FloatArray:
    return steps.broaden(rows, fwhm=width, spacing=recipe.spacing)
