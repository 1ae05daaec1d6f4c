"""References through a recipe in batches: what quality control and maps of likeness work on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from spectra.errors import SpectraError
from spectra.recipe import Features, FeaturesBatch, Recipe, prepare, prepare_many
from spectra.references import ReferenceEntry

#: Spectra that go through a recipe together; they take some 10 MB.
BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """One reference after a recipe."""

    index: int
    """Its place among the references handed in."""
    features: Features | None
    """What the recipe made of it; None where it could not be carried out."""
    problem: str = ""
    """Why not; empty where it could."""


def prepared(entries: Sequence[ReferenceEntry], recipe: Recipe) -> Iterator[Ready]:
    """Carry out a recipe on references, those of one axis together.

    Every reference of the recipe's technique comes once, in no particular order; others do not come.
    """
    groups: dict[tuple[bytes, float | None, bool], list[int]] = {}
    for index, entry in enumerate(entries):
        spectrum = entry.spectrum
        if entry.technique is recipe.technique:
            # a digest: the axes of 100,000 entries themselves would take a gigabyte
            key = (blake2b(spectrum.axis.tobytes()).digest(), spectrum.resolution_cm1, spectrum.noise is None)
            groups.setdefault(key, []).append(index)
    for indices in groups.values():
        for start in range(0, len(indices), BATCH):
            yield from _batch(entries, indices[start : start + BATCH], recipe)


def _batch(entries: Sequence[ReferenceEntry], indices: list[int], recipe: Recipe) -> Iterator[Ready]:
    if len(indices) > 1 and (features := _together(entries, indices, recipe)) is not None:
        for row, index in enumerate(indices):
            yield Ready(index, features.row(row))
        return
    for index in indices:
        try:
            yield Ready(index, prepare(entries[index].spectrum, recipe))
        except SpectraError as error:
            yield Ready(index, None, str(error))


def _together(entries: Sequence[ReferenceEntry], indices: list[int], recipe: Recipe) -> FeaturesBatch | None:
    """Return the whole batch; None where one of it cannot be prepared, which then says so by itself."""
    spectra = [entries[index].spectrum for index in indices]
    noises = [spectrum.noise for spectrum in spectra if spectrum.noise is not None]
    try:
        return prepare_many(
            spectra[0].axis,
            np.stack([spectrum.intensity for spectrum in spectra]),
            recipe,
            noise=np.stack(noises) if noises else None,
            resolution_cm1=spectra[0].resolution_cm1,
        )
    except SpectraError:
        return None
