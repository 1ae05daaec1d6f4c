"""Who may fire: what has to have been confirmed, and how long everybody is warned before the first light.

A confirmation is good for one scan: for `CONFIRM_TO_FIRE_S` until the first light, then until the laser has
been off for `CONFIRM_REST_S`, and never longer than `CONFIRM_LONGEST_S`. It ends with the client's claim. A
new confirmation begins a new scan, and a new scan is warned of.
"""

import logging
import math
from dataclasses import dataclass

from ..errors import DeviceRefused

_log = logging.getLogger(__name__)

#: From a confirmation to the first light, s: chosen, the longest countdown of a delayed scan (300 s) fits in.
CONFIRM_TO_FIRE_S = 600.0
#: Laser off for so long ends the scan, s: chosen, the longest rest between two frames is far shorter.
CONFIRM_REST_S = 60.0
#: Longest scan, s: chosen.
CONFIRM_LONGEST_S = 7200.0
#: A laser off for less goes on again without a warning, s: chosen, nobody came to the beam path meanwhile.
REST_S = 10.0
#: Where the questions were asked; ``nobody`` is a program that answers for itself.
ASKED_ON = frozenset({"page", "terminal", "nobody"})


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What was asked before a scan, and what was answered."""

    eyewear: bool | None
    """Whether everybody at the bench wears laser eyewear; None where nobody was asked."""
    energetic: bool | None
    """Whether the sample is dark or possibly energetic; None where nobody was asked."""
    asked_on: str
    """Where a person answered: ``page``, ``terminal`` or ``nobody``."""

    def check(self) -> None:
        """Raise `DeviceRefused` where these answers forbid the laser."""
        if self.asked_on not in ASKED_ON:
            raise DeviceRefused(
                f"asked on {self.asked_on[:20]!r}; it is one of {', '.join(sorted(ASKED_ON))}"
            )
        if self.energetic:
            raise DeviceRefused(
                "nothing is fired: the laser can ignite a dark or possibly energetic sample; "
                "follow the agency's procedure for energetic material"
            )
        asked = self.asked_on != "nobody"
        if self.eyewear is False or (asked and self.eyewear is None):
            raise DeviceRefused("nothing is fired: confirm that everybody at the bench wears laser eyewear")
        if asked and self.energetic is None:
            raise DeviceRefused("nothing is fired: say whether the sample is dark or possibly energetic")


class Permit:
    """The rules before light, for the one client that has claimed the laser; no clock of its own.

    Parameters
    ----------
    warning_s
        Warning before the first light of a scan, s.
    required
        Whether nothing is fired without a confirmation.
    """

    def __init__(self, *, warning_s: float, required: bool) -> None:
        self._warning_s = warning_s
        self._required = required
        self._given: Confirmation | None = None
        self._given_at = -math.inf
        self._lit_since_given = False
        self._dark_at = -math.inf

    def confirm(self, given: Confirmation, now: float) -> None:
        """Take note of the answers; raises `DeviceRefused`, and then nothing is confirmed."""
        self.withdraw()
        given.check()
        self._given, self._given_at, self._lit_since_given = given, now, False
        self._dark_at = -math.inf
        _log.info(
            "confirmed for one scan: asked on %s, eyewear %s, energetic %s",
            given.asked_on,
            given.eyewear,
            given.energetic,
        )

    def withdraw(self) -> None:
        """Forget the confirmation."""
        self._given = None

    def end_claim(self) -> None:
        """Forget everything: the next client is warned and asked anew."""
        self.withdraw()
        self._dark_at = -math.inf

    def note_lit(self) -> None:
        """Take note that the laser is on."""
        self._lit_since_given = True

    def note_dark(self, now: float) -> None:
        """Take note that it was on until now."""
        self._dark_at = now

    def check(self, now: float) -> None:
        """Raise `DeviceRefused` unless the laser may be fired now."""
        if not self._required:
            return
        if self._given is None:
            raise DeviceRefused("nothing is fired before the safety questions of this scan were answered")
        if now > self._good_until():
            self.withdraw()
            raise DeviceRefused("the answers to the safety questions are too old; ask again for this scan")

    def warn_s(self, now: float) -> float:
        """Return for how long to warn before light now, s."""
        return 0.0 if now - self._dark_at <= REST_S else self._warning_s

    def _good_until(self) -> float:
        rest = self._dark_at + CONFIRM_REST_S if self._lit_since_given else self._given_at + CONFIRM_TO_FIRE_S
        return min(rest, self._given_at + CONFIRM_LONGEST_S)
