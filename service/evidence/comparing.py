"""Two answers side by side: the one that was recorded and the one that was computed again.

Verdict, components and reasons must be the same. Numbers must be the same to the last bit where the numeric
fingerprint is; elsewhere within a millionth, or one step of the rounding they were told with. A number
that counts null scans moves by whole counts where a statistic lies on the edge of one: that is said to be
borderline, and so is a limit that lies on the agency's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spectra.method import Method

from .again import answer_digest
from .inputs import Answer

#: Largest relative difference between machines (DESIGN, section 8).
TOLERANCE = 1e-6

#: Steps in which numbers are told (`spectra.identification`); all others have six decimals.
_STEPS = {"statistic": 1e-3, "snr": 1e-3}
_STEP = 1e-6

#: Null scans by which a p-value may move where a statistic lies on the edge of one (chosen).
_COUNTS = 2.0

#: What says who computed, not what was found.
_SOFTWARE = ("software", "build")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of an answer that was computed again."""

    same: bool
    """Whether verdict, components, reasons and numbers are the same."""
    kept: bool
    """Whether verdict, components and reasons are, whatever became of numbers."""
    identical: bool
    """Whether everything is, to the last bit."""
    equal_numerics: bool
    """Whether it was computed with the numeric fingerprint that the record names."""
    largest_difference: float
    """Largest relative difference of two numbers."""
    borderline: tuple[str, ...]
    """Numbers so near to a threshold that another machine may decide otherwise."""
    differences: tuple[str, ...]
    """What differs more than it may, in words."""
    recorded_digest: str
    """SHA-256 of the recorded answer, RFC 8785 without ``created_at``."""
    recomputed_digest: str
    """The same of the new one, who computed it taken from the record."""


def compare(recorded: Answer, again: Answer, method: Method, *, fingerprint: str) -> Comparison:
    """Compare an answer with the one that was computed again.

    Parameters
    ----------
    recorded, again
        Both, as JSON values.
    method
        The method of both.
    fingerprint
        Name of the numeric fingerprint here; the record names its own in ``provenance.build``.
    """
    provenance = {**again["provenance"], **{name: recorded["provenance"][name] for name in _SOFTWARE}}
    again = {**again, "provenance": provenance}
    counts = float(recorded["provenance"]["null_count"])
    walk = _Walk(counts)
    walk.value("", _without_time(recorded), _without_time(again))
    digests = answer_digest(recorded), answer_digest(again)
    equal = recorded["provenance"]["build"] == fingerprint
    identical = digests[0] == digests[1]
    differences = list(walk.differences)
    if equal and not identical and not differences:
        differences.append("numbers differ in their last bits although the numeric fingerprint is the same")
    return Comparison(
        same=not differences,
        kept=not any(_grave(one) for one in differences),
        identical=identical,
        equal_numerics=equal,
        largest_difference=walk.largest,
        borderline=(*walk.borderline, *_near_limits(again, method)),
        differences=tuple(differences),
        recorded_digest=digests[0],
        recomputed_digest=digests[1],
    )


def _without_time(said: Answer) -> Answer:
    return {name: value for name, value in said.items() if name != "created_at"}


class _Walk:
    """Walks two JSON values side by side, and notes what differs."""

    def __init__(self, counts: float) -> None:
        self._counts = counts
        self.largest = 0.0
        self.differences: list[str] = []
        self.borderline: list[str] = []

    def value(self, where: str, left: Any, right: Any) -> None:
        """Compare two values at a place."""
        if isinstance(left, dict) and isinstance(right, dict):
            # What the contract has learnt since is no difference: old records lack it.
            for name in left:
                self.value(f"{where}/{name}", left[name], right.get(name))
        elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            for place, (one, other) in enumerate(zip(left, right, strict=True)):
                self.value(f"{where}/{place}", one, other)
        elif _is_number(left) and _is_number(right):
            self._number(where, float(left), float(right))
        elif left != right or type(left) is not type(right):
            self.differences.append(f"{where}: {_short(left)} was recorded, {_short(right)} comes out now")

    def _number(self, where: str, left: float, right: float) -> None:
        off = abs(left - right)
        if off == 0.0:
            return
        name = where.rpartition("/")[2]
        if name == "p_value" and off * (self._counts + 1.0) <= _COUNTS + 1e-9:
            self.borderline.append(f"{where}: {left:g} or {right:g}, a null scan being as extreme")
            return
        relative = off / max(abs(left), abs(right))
        self.largest = max(self.largest, relative)
        # A number told to so many decimals may be rounded to the next one.
        if relative > TOLERANCE and off > 1.5 * _STEPS.get(name, _STEP):
            self.differences.append(f"{where}: {left!r} was recorded, {right!r} comes out now")


def _grave(difference: str) -> bool:
    """Return whether a difference is of verdict, reasons, or which components there are."""
    where = difference.partition(":")[0]
    if where.startswith("/components"):
        return where.rpartition("/")[2] in {"components", "substance", "reference_id", "role", "evidence"}
    return where.startswith(("/verdict", "/reasons"))


def _near_limits(said: Answer, method: Method) -> Iterator[str]:
    """Yield the detectable shares that lie on the agency's limit."""
    limits = {item.substance: item.limit_share for item in method.watch_list}
    for one in said["not_excluded"]:
        share, limit = one["detectable_share"], limits.get(one["substance"])
        if share is not None and limit is not None and abs(share - limit) <= max(TOLERANCE * limit, _STEP):
            yield f"{one['substance']}: its detectable share {share:g} lies on the limit {limit:g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
