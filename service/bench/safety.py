"""What must have been said before light leaves the probe."""

import threading
from datetime import datetime
from typing import Any

from .notes import VALIDITY, utc_now
from .refusals import NotConfirmed, PossiblyEnergetic
from .requests import Firing, ScanRequest


class Shift:
    """The eyewear confirmation of the people at this bench; it ends with the shift or the agent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: datetime | None = None

    def confirm(self) -> None:
        """Take note that everybody wears laser eyewear from now on."""
        with self._lock:
            self._until = utc_now() + VALIDITY

    @property
    def confirmed(self) -> bool:
        """Whether somebody confirmed it in this shift."""
        with self._lock:
            return self._until is not None and utc_now() < self._until


def check_may_fire(request: Firing, shift: Shift, *, has_laser: bool) -> dict[str, Any]:
    """Refuse to fire unless a person at the bench answered what has to be answered.

    A program without a terminal asks nobody: whoever starts it answers for both questions,
    and every scan it makes says so.

    Returns
    -------
    dict
        What was asked and answered, for the record of the scan.

    Raises
    ------
    PossiblyEnergetic
        The sample is dark or possibly energetic.
    NotConfirmed
        A question has no answer.
    """
    energetic = request.energetic if isinstance(request, ScanRequest) else False
    if energetic:
        raise PossiblyEnergetic(
            "nothing was fired: a dark or possibly energetic sample can be ignited by the laser; "
            "stop and follow the agency's procedure for energetic material"
        )
    if request.eyewear and request.asked_on != "nobody":
        shift.confirm()
    asked = request.asked_on != "nobody"
    if has_laser and (request.eyewear is False or (asked and not shift.confirmed)):
        raise NotConfirmed("nothing was fired: confirm that everybody at the bench wears laser eyewear")
    if asked and energetic is None:
        raise NotConfirmed("nothing was fired: answer whether the sample is dark or possibly energetic")
    return {"asked_on": request.asked_on, "eyewear": shift.confirmed, "energetic": energetic}
