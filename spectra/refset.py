"""References made ready for search: one matrix per technique and recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import steps
from .errors import MethodError, SpectrumMismatch
from .recipe import Recipe, prepare
from .references import ReferenceEntry
from .values import FloatArray

#: Extra widths (FWHM, cm⁻¹) by which references are broadened to meet a blunter instrument.
WIDTHS = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSet:
    """References of one technique after one recipe."""

    entries: tuple[ReferenceEntry, ...]
    """The references, in the order of the rows."""
    recipe: Recipe
    """The recipe they went through."""
    axis: FloatArray
    """The recipe's full axis, cm⁻¹, shape (n,)."""
    rows: FloatArray
    """Derivatives for unit area, shape (widths, references, n); zero where not measured."""

    squares: FloatArray
    """The rows squared, for weighted norms; same shape."""

    def names(self) -> tuple[str, ...]:
        """Return the substance name of each row."""
        return tuple(entry.substance.name for entry in self.entries)

    def same_answer(self, index: int) -> frozenset[int]:
        """Return the rows that mean the same substance as a row, itself included."""
        mine = _identity(self.entries[index])
        return frozenset(i for i, entry in enumerate(self.entries) if mine & _identity(entry))


def _identity(entry: ReferenceEntry) -> frozenset[str]:
    return frozenset({entry.substance.name, *entry.equivalents})


def build_reference_set(entries: Sequence[ReferenceEntry], recipe: Recipe) -> ReferenceSet:
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
    kept, rows = [], []
    for entry in entries:
        if entry.technique is not recipe.technique:
            continue
        try:
            features = prepare(entry.spectrum, recipe)
        except SpectrumMismatch:
            continue
        area = float(np.sum(np.abs(features.corrected))) * recipe.spacing
        if area <= 0:
            continue
        row = np.zeros(full.size)
        row[features.first : features.first + features.axis.size] = features.values / area
        kept.append(entry)
        rows.append(row)
    if not kept:
        raise MethodError(f"no {recipe.technique} reference covers the range of recipe {recipe.name!r}")
    sharp = np.stack(rows)
    stack = np.stack([steps.broaden(sharp, fwhm=width, spacing=recipe.spacing) for width in WIDTHS])
    stack.setflags(write=False)
    return assemble(tuple(kept), recipe, full, stack)


def assemble(
    entries: tuple[ReferenceEntry, ...], recipe: Recipe, axis: FloatArray, rows: FloatArray
) -> ReferenceSet:
    """Make a reference set of rows that went through the recipe already."""
    squares = rows**2
    squares.setflags(write=False)
    return ReferenceSet(entries, recipe, axis, rows, squares)
