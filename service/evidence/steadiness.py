"""Numbers that hang on the last bit of what they are made from, told apart from numbers that are wrong.

Over strong, nearly noiseless light the weights of arPLS swing, and the background is that of asPLS
(`spectra.baseline`). Its rounds make the last bit of a sum grow some ten thousandfold every ten rounds:
two BLAS kernels were seen to end at backgrounds that differ by 0.003 of the spectrum's range, from inputs of
the same bits. Of 200 results three moved by up to 6e-4 then, none in what it says. Whether an answer is of
that kind is found out and not assumed: the scan is looked at again with single counts larger by their last
bit, on this machine alone. What moves then tells nothing of the machine that made the record.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from spectra.method import Method
from spectra.values import FloatArray, Scan

from .again import look_again
from .comparing import Comparison
from .inputs import Answer, Inputs

#: Largest relative difference that may be put down to last bits (chosen: fifteen times the largest seen).
LARGEST = 0.01

#: How often the scan is looked at with other last bits (chosen: some of them may end where the scan does).
LOOKS = 4


def weighed(found: Comparison, inputs: Inputs, again: Answer, method: Method) -> Comparison:
    """Return a comparison in which numbers that last bits move are borderline and no differences.

    Nothing is excused on equal numerics, or where verdict, components or reasons differ.

    Parameters
    ----------
    found
        The comparison of the recorded answer with ``again``.
    inputs, again, method
        What was looked at here, and what came out.
    """
    if found.same or not found.kept or found.equal_numerics or found.largest_difference > LARGEST:
        return found
    moved = {place for other in _looks(inputs, method) for place in _moved("", again, other)}
    left = tuple(one for one in found.differences if _place(one) not in moved)
    excused = (one for one in found.differences if _place(one) in moved)
    told = (f"{one}; the last bit of a count moves it as well" for one in excused)
    return replace(found, same=not left, differences=left, borderline=(*found.borderline, *told))


def _looks(inputs: Inputs, method: Method) -> Iterator[Answer]:
    for turn in range(LOOKS):
        yield look_again(replace(inputs, scan=_nudged(inputs.scan, turn)), method).to_json()


def _nudged(scan: Scan, turn: int) -> Scan:
    """Return a scan of which every fourth point counts more by a last bit; saturated points stay so."""
    counts: FloatArray = np.array(scan.counts, dtype=np.float64)
    part = counts[:, turn::LOOKS]
    counts[:, turn::LOOKS] = np.where(part > 0, np.nextafter(part, np.inf), part)
    return replace(scan, counts=counts)


def _moved(where: str, left: Any, right: Any) -> Iterator[str]:
    """Yield the places of two JSON values that differ, named as `compare` names them."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in left:
            yield from _moved(f"{where}/{name}", left[name], right.get(name))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _moved(f"{where}/{place}", one, other)
    elif left != right:
        yield where


def _place(difference: str) -> str:
    return difference.partition(":")[0]
