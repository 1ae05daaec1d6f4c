"""What a device is doing, for people: ``signal 2 of 3``, a countdown in seconds, the laser's state."""

import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instrument.guardian import State
from instrument.scan_plan import ScanPlan

#: What a device says of itself while a scan is under way: a stage and how much of it is done.
_STAGE = re.compile(r"(\w+) (\d{1,3})%")
_WARNING = re.compile(r"warning (\d+) s")
_COUNTED = {"signal", "dark"}

#: What pages and terminals call a stage.
CALLED = {
    "": "getting ready",
    "countdown": "countdown",
    "warning": "laser warning",
    "exposure": "choosing the exposure",
    "signal": "signal",
    "dark": "dark",
    "identify": "identifying",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """What a device is doing now."""

    stage: str
    """``countdown``, ``warning``, ``exposure``, ``signal``, ``dark``, ``identify``; empty before."""
    done: int | None = None
    """Number of the frame under way, from 1; None where frames are not counted."""
    of: int | None = None
    """How many frames there will be at most."""
    seconds_left: int | None = None
    """Of a countdown or of the laser's warning; None where neither runs."""

    @property
    def words(self) -> str:
        """What to show."""
        called = CALLED.get(self.stage, self.stage)
        if self.seconds_left is not None:
            return f"{called}: {self.seconds_left} s"
        return called if self.done is None else f"{called} {self.done} of {self.of}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "stage": self.stage,
            "done": self.done,
            "of": self.of,
            "seconds_left": self.seconds_left,
            "words": self.words,
        }


class Plans:
    """What was last asked of each device, by its name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_device: dict[str, ScanPlan] = {}

    def keep(self, device: str, plan: ScanPlan) -> None:
        """Keep what is asked of a device."""
        with self._lock:
            self._by_device[device] = plan

    def activity(self, described: Mapping[str, Any]) -> Activity | None:
        """Return what a device is doing by its own description; None for an idle one."""
        if not described["busy"]:
            return None
        with self._lock:
            plan = self._by_device.get(described["name"])
        return _activity(described["stage"], plan, lit=described["has_laser"])


def _activity(text: str, plan: ScanPlan | None, *, lit: bool) -> Activity:
    if warning := _WARNING.fullmatch(text):
        return Activity("warning", seconds_left=int(warning[1]))
    found = _STAGE.fullmatch(text)
    if found is None or plan is None:
        return Activity(text.partition(" ")[0])
    stage, share = found[1], int(found[2]) / 100
    if stage == "countdown":
        return Activity(stage, seconds_left=math.ceil(plan.countdown_s * (1 - share)))
    if share >= 1 and stage == ("dark" if lit else "signal"):
        return Activity("identify")
    if stage not in _COUNTED:
        return Activity(stage)
    return Activity(stage, min(round(share * plan.accumulations) + 1, plan.accumulations), plan.accumulations)


def laser_state(described: Mapping[str, Any]) -> str:
    """Return what is known of a device's laser, from its description.

    Returns
    -------
    str
        ``none``, ``off``, ``warning``, ``on``, ``may_be_on``, ``unreachable``; ``unknown`` at first.
    """
    if not described["has_laser"]:
        return "none"
    if described["laser_may_be_on"] or described["laser_state"] == State.LASER_MAY_BE_ON:
        return "may_be_on"
    told = str(described["laser_state"])
    return "unknown" if told in {"", State.STARTING} else told
