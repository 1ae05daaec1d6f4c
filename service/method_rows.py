"""References of a method as they were after its recipe, so that another machine searches the very same.

A baseline of a noiseless reference is not well conditioned: the weights of arPLS swing, and the asPLS that
stands in for it (`spectra.baseline`) ends elsewhere for the last bit of a sum. Measured on two BLAS kernels,
derived references differ by up to 4 % of their strongest point then, and answers with them. So a method file
holds what the recipe made of each reference where the method was used. Whoever reads it carries the recipe
out as well, and refuses rows that are not those of the references: nobody can put others in their place.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from spectra.errors import MethodError
from spectra.method import Method
from spectra.refset import ReferenceSet, assemble
from spectra.values import Technique

from .errors import EvidenceDamaged

#: Largest difference of a row from what the recipe makes of its reference here, in shares of the row's
#: strongest point (chosen: four times the largest that another BLAS kernel was seen to make).
TOLERANCE = 0.16


def rows_image(method: Method) -> dict[str, bytes]:
    """Return the rows of each technique, little-endian float32 one reference after the other."""
    return {str(technique): _sharp(refs).astype("<f4").tobytes() for technique, refs in method.sets.items()}


def with_rows(method: Method, image: dict[str, bytes | memoryview]) -> Method:
    """Return a method with the rows of its file in place of those made here.

    Raises
    ------
    EvidenceDamaged
        They are of other references, or not what the recipe makes of them.
    """
    if image.keys() - {str(technique) for technique in method.sets}:
        raise EvidenceDamaged("the method file holds rows of a technique the method has not")
    sets = {
        technique: _replaced(technique, refs, image[str(technique)]) if str(technique) in image else refs
        for technique, refs in method.sets.items()
    }
    return replace(method, sets=sets)


def _sharp(refs: ReferenceSet) -> Any:
    """Return the rows as they were before broadening; they are made in single precision."""
    return refs.rows[0].astype(np.float32) if refs.sharp is None else refs.sharp


def _replaced(technique: Technique, refs: ReferenceSet, data: bytes | memoryview) -> ReferenceSet:
    mine = _sharp(refs)
    if memoryview(data).nbytes != mine.size * 4:
        raise EvidenceDamaged(f"the method file holds too few or too many {technique} rows")
    rows = np.frombuffer(data, "<f4").astype(np.float32).reshape(mine.shape)
    strongest = np.abs(mine).max(axis=1)
    if not np.isfinite(rows).all() or (np.abs(rows - mine).max(axis=1) > TOLERANCE * strongest).any():
        raise EvidenceDamaged(
            f"the method file's {technique} rows are not what its recipe makes of its references"
        )
    if (rows == mine).all():
        return refs
    try:
        return assemble(refs.entries, refs.recipe, refs.axis, rows)
    except MethodError as error:
        raise EvidenceDamaged(f"the method file's rows cannot be used: {error}") from error
