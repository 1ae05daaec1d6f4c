"""What lasers on an `AnswerLink` share: off until read back, coming back after the port vanished."""

import time
from abc import ABC, abstractmethod

from ..errors import ConnectionLost, DeviceRefused, InstrumentError, LaserMayBeOn, SettingOutOfRange
from .answer_link import AnswerLink

#: How long `off` keeps trying, s.
OFF_DEADLINE_S = 1.5
#: Fault of a laser that was found on though nobody had switched it on.
BY_ITSELF = "it came on by itself and was switched off; was its power cut?"
_RETRY_S = 0.05


class SwitchedLaser(ABC):
    """A laser that is off whenever it was opened or came back, and whose power is the one asked for.

    Parameters
    ----------
    link
        The conversation with it.
    off_deadline_s
        How long `off` keeps trying, s.
    off_words
        What to do when it cannot be switched off.
    """

    max_power_mw: float

    def __init__(self, link: AnswerLink, *, off_deadline_s: float, off_words: str) -> None:
        self._link = link
        self.transcript = link.transcript
        self._off_deadline_s = off_deadline_s
        self._off_words = off_words
        self._known_opening = link.openings
        self._switched_on = False
        self._asked_mw: float | None = 0.0
        self._was_away = False

    def off(self) -> None:
        """Switch off and read back, again and again until it is off or a deadline passes.

        A port that vanished is opened again.

        Raises
        ------
        LaserMayBeOn
            It could not be read back as off: leave the beam path, use the key switch or the mains.
        """
        end = time.monotonic() + self._off_deadline_s
        reason: Exception | None = None
        while reason is None or time.monotonic() < end:
            try:
                self._send_off(end)
                if self._reads_off(end):
                    self._switched_on = False
                    return
                reason = DeviceRefused(f"{self._link.name}: says that it is still on")
            except InstrumentError as error:
                # Running out of time in mid-question tells less than what went wrong before.
                if reason is None or time.monotonic() < end:
                    reason = error
            time.sleep(_RETRY_S)
        raise LaserMayBeOn(
            f"{self._link.name}: the laser could not be read back as off ({reason}); {self._off_words}"
        ) from reason

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        self._link.close()

    @abstractmethod
    def _send_off(self, before: float) -> None:
        """Send off before anything else, even when earlier answers are due; reopens a lost port."""

    @abstractmethod
    def _reads_off(self, before: float) -> bool:
        """Return whether the laser says that it is off."""

    @abstractmethod
    def _come_back(self) -> None:
        """Open the lost port, send off, and see that it is the same laser."""

    @abstractmethod
    def _lower(self) -> None:
        """Set the lowest power and read it back."""

    def _ensure_connected(self) -> None:
        """After the port vanished: open it, identify, force off and the lowest power; raises if it cannot."""
        if self._link.lost:
            self._come_back()
        if self._known_opening != self._link.openings:
            self._secure()
            self._known_opening = self._link.openings

    def _secure(self) -> None:
        """Force off and the lowest power; what was asked for before stands no longer."""
        self._asked_mw = None
        self._was_away = True
        self.off()
        self._lower()

    def _refuse_unknown_power(self) -> float:
        """Return the power that was asked for.

        Raises
        ------
        ConnectionLost
            The laser lost it: it was away, or without power.
        DeviceRefused
            The laser did not take it.
        """
        if self._asked_mw is not None:
            return self._asked_mw
        if self._was_away:
            raise ConnectionLost(
                f"{self._link.name}: the laser was away and is back, off and at its lowest power; "
                "set the power, then switch on again"
            )
        raise DeviceRefused(
            f"{self._link.name}: the laser did not take the power it was given; set the power anew"
        )

    def _refuse_power_outside(self, milliwatts: float) -> None:
        if not 0.0 <= milliwatts <= self.max_power_mw:
            raise SettingOutOfRange(f"{milliwatts} mW; this laser takes 0 to {self.max_power_mw:g} mW")

    def _begin_power(self) -> None:
        """Until a new power has been read back, none is known."""
        self._asked_mw = None
        self._was_away = False
