"""What must have been said before light leaves the probe."""

import threading
from typing import Any

from ..clock import awake_or_not
from .notes import VALIDITY
from .refusals import NotConfirmed, PossiblyEnergetic
from .requests import Firing, SampleRequest


class Shift:
    """What the people at this bench have answered: eyewear once a shift, energetic material once an item.

    It ends with the shift, the agent, or the officer who gave the answers: whoever comes next is asked again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: float | None = None
        self._cleared: set[str] = set()

    def confirm(self) -> None:
        """Take note that everybody wears laser eyewear from now on."""
        with self._lock:
            self._until = awake_or_not() + VALIDITY.total_seconds()

    @property
    def confirmed(self) -> bool:
        """Whether somebody confirmed it in this shift."""
        with self._lock:
            return self._until is not None and awake_or_not() < self._until

    def end(self) -> None:
        """Forget every answer: whoever comes next is asked again."""
        with self._lock:
            self._until = None
            self._cleared.clear()

    def clear(self, screening_id: str) -> None:
        """Take note that the item of a screening is neither dark nor possibly energetic."""
        with self._lock:
            self._cleared.add(screening_id)

    def forget(self, screening_id: str) -> None:
        """Ask again the next time: the screening is complete."""
        with self._lock:
            self._cleared.discard(screening_id)

    def is_cleared(self, screening_id: str | None) -> bool:
        """Whether somebody said it of the item of a screening."""
        with self._lock:
            return screening_id in self._cleared


def check_may_fire(
    request: Firing, shift: Shift, *, has_laser: bool, screening_id: str | None = None
) -> dict[str, Any]:
    """Refuse to fire unless a person at the bench answered what has to be answered.

    A program without a terminal asks nobody: whoever starts it answers for both questions,
    and every scan it makes says so.

    Parameters
    ----------
    request
        What is asked for.
    shift
        What was answered before.
    has_laser
        Whether we switch a laser for it: eyewear is asked for then.
    screening_id
        The item's open screening, in which its question may have been answered; None for none.

    Returns
    -------
    dict
        What was asked and answered, for the guardian and for the record of the scan.

    Raises
    ------
    PossiblyEnergetic
        The sample is dark or possibly energetic.
    NotConfirmed
        A question has no answer.
    """
    energetic = request.energetic if isinstance(request, SampleRequest) else False
    if energetic:
        raise PossiblyEnergetic(
            "nothing was fired: a dark or possibly energetic sample can be ignited by the laser; "
            "stop and follow the agency's procedure for energetic material"
        )
    asked = request.asked_on != "nobody"
    if asked and energetic is None and shift.is_cleared(screening_id):
        energetic = False
    if request.eyewear and asked:
        shift.confirm()
    if has_laser and (request.eyewear is False or (asked and not shift.confirmed)):
        raise NotConfirmed("nothing was fired: confirm that everybody at the bench wears laser eyewear")
    if asked and energetic is None:
        raise NotConfirmed("nothing was fired: answer whether the sample is dark or possibly energetic")
    return {"asked_on": request.asked_on, "eyewear": shift.confirmed, "energetic": energetic}
