"""Telling a new spectrum from an old one by the device's own time stamps.

The device's clock begins nowhere in particular, but it runs like ours: whoever asked at one moment of our
clock and got the answer at a later one knows that the stamp lies between them. The tightest such bound so far
tells when a stamp was taken on our clock, and one from before the question is an old spectrum.
"""

from collections import deque

from ..errors import ProtocolError

#: Two quartz clocks run apart by less than this share; chosen, ten times what they usually do.
_DRIFT = 2e-4
#: Stamps remembered.
_REMEMBERED = 256


class StampClock:
    """The stamps of one device."""

    def __init__(self) -> None:
        self._seen: deque[int] = deque(maxlen=_REMEMBERED)
        self._last_us: int | None = None
        self._offset_s = 0.0
        self._offset_at = 0.0

    def forget(self) -> None:
        """Know nothing of the device's clock any more: it may have been restarted. Old stamps stay known."""
        self._last_us = None

    def check(self, stamp_us: int, *, asked_at: float, got_at: float, slack_s: float) -> None:
        """Take down the stamp of a new spectrum.

        Parameters
        ----------
        stamp_us
            Stamp, µs of the device's clock.
        asked_at, got_at
            When the spectrum was asked for, and when its answer was whole: s of the monotonic clock.
        slack_s
            How long before the question the stamp may be: the exposure, for a device that is exposing
            all the time and stamps its beginning (whether it does is unproven).

        Raises
        ------
        ProtocolError
            It is not newer than the last one, or from before the question: an old spectrum, or the device was
            restarted. Its clock is forgotten then.
        """
        stamp_s = stamp_us * 1e-6
        known = self._last_us is not None
        offset = self._offset_s + _DRIFT * (got_at - self._offset_at) if known else got_at - stamp_s
        old = stamp_us in self._seen or (self._last_us is not None and stamp_us <= self._last_us)
        late = asked_at - slack_s - (stamp_s + offset)
        self._seen.append(stamp_us)
        if old or late > 0:
            self.forget()
            raise ProtocolError("an old spectrum, or the device was restarted; take it again")
        self._last_us = stamp_us
        self._offset_s, self._offset_at = min(offset, got_at - stamp_s), got_at
