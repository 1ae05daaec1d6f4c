"""The laser's port as the guardian holds it: opened, lost, opened again, and never mistaken for another."""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from ..errors import ConnectionLost, DeviceRefused, InstrumentError, LaserMayBeOn, PortBusy, PortNotFound
from ..interfaces import Laser
from ..registry import open_laser
from ..transport.transcript import Transcript
from .marker import Marker

#: Transcripts of lost connections kept until they are fetched.
_KEPT_TRANSCRIPTS = 64
_ABSENT = (ConnectionLost, PortBusy, PortNotFound)


def opener(url: str) -> Callable[[], Laser]:
    """Return what opens a laser, as often as its port comes back.

    A pseudo-terminal that went away does not come back: Linux gives its number to the next
    program that asks for one, and that is no laser of ours.
    """
    opened = False

    def open_again() -> Laser:
        nonlocal opened
        if opened and "/dev/pts/" in url:
            raise PortNotFound(f"{url}: the pseudo-terminal is gone")
        laser = open_laser(url)
        opened = True
        return laser

    return open_again


class OwnedLaser(Laser, Protocol):
    """A laser whose conversation is recorded."""

    transcript: Transcript


class LaserPort:
    """Open a laser when needed, and verify it off whatever happened to the connection before.

    Parameters
    ----------
    open_laser
        Opens the driver; called again after each loss of the port.
    power_mw
        Power set on opening, mW.
    marker
        Remembers across processes that the laser was fired.
    """

    def __init__(self, open_laser: Callable[[], Laser], *, power_mw: float, marker: Marker) -> None:
        self._open_laser = open_laser
        self._power_mw = power_mw
        self._marker = marker
        self._laser: Laser | None = None
        self._transcripts: deque[bytes] = deque(maxlen=_KEPT_TRANSCRIPTS)
        self._serial = marker.serial
        self.fired = marker.present
        """Whether the laser was fired and not verified off since."""
        self.facts: dict[str, Any] = {}
        """What the laser is: ``info``, ``wavelength_nm`` and ``max_power_mw`` (never above ``power_mw``)."""

    @property
    def laser(self) -> Laser:
        """The open driver; raises `DeviceRefused` after a loss until `force_off` has succeeded."""
        if self._laser is None:
            raise DeviceRefused("the guardian has lost its laser's port")
        return self._laser

    def arm(self) -> None:
        """Note on disk that the laser is about to be fired."""
        self._marker.set(self._serial)
        self.fired = True

    def set_power(self, milliwatts: float) -> None:
        """Set the power, and remember it for the next connection."""
        self.laser.set_power(milliwatts)
        self._power_mw = milliwatts

    def force_off(self) -> None:
        """Turn the laser off and read that back, over a new connection where the old one is gone.

        Raises
        ------
        LaserMayBeOn
            It could not be read back as off, and it may have been fired.
        InstrumentError
            It cannot be reached, and nobody here fired it.
        """
        fresh = self._laser is None
        try:
            if fresh:
                self._open()
            self.laser.off()
        except Exception as error:
            self.close()
            raise self._verdict(error) from error
        self.fired = False
        self._marker.clear()
        if fresh:
            self._set_safe_power()

    def _verdict(self, error: Exception) -> InstrumentError:
        """Return what a failure to turn off means: an absent laser that nobody fired is absent, no more."""
        if not self.fired:
            absent = isinstance(error, LaserMayBeOn) and isinstance(error.__cause__, _ABSENT)
            return as_instrument_error(error.__cause__ if absent else error)
        if isinstance(error, LaserMayBeOn):
            return error
        return LaserMayBeOn(f"the laser could not be read back as off: {error}")

    def _set_safe_power(self) -> None:
        try:
            self.laser.set_power(min(self._power_mw, self.facts["max_power_mw"]))
        except Exception as error:
            self.close()
            raise as_instrument_error(error) from error

    def _open(self) -> None:
        laser = self._open_laser()
        self._laser = laser
        serial = laser.info.serial
        if self.fired and self._serial and serial and serial != self._serial:
            raise LaserMayBeOn(f"laser {self._serial} was fired, but {serial} answers at its port")
        self._serial = serial
        most = min(laser.max_power_mw, self.facts.get("ceiling_mw", self._power_mw))
        info = {name: getattr(laser.info, name) for name in type(laser.info).__slots__}
        self.facts = {
            "info": info,
            "wavelength_nm": laser.wavelength_nm,
            "max_power_mw": most,
            "ceiling_mw": self.facts.get("ceiling_mw", self._power_mw),
        }

    def transcript(self) -> bytes:
        """Return the wire transcripts since the last fetch, lost connections first."""
        if self._laser is not None:
            self._keep_transcript(self._laser)
        kept, self._transcripts = b"".join(self._transcripts), deque(maxlen=_KEPT_TRANSCRIPTS)
        return kept

    def _keep_transcript(self, laser: Laser) -> None:
        transcript = cast("OwnedLaser", laser).transcript
        self._transcripts.append(transcript.to_bytes())
        transcript.restart()

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        laser, self._laser = self._laser, None
        if laser is None:
            return
        try:
            self._keep_transcript(laser)
            laser.close()
        except (InstrumentError, OSError):
            # The port is gone already; there is nothing left to let go of.
            return


def as_instrument_error(error: BaseException | None) -> InstrumentError:
    """Return an error of this package for whatever a driver raised."""
    if isinstance(error, InstrumentError):
        return error
    return InstrumentError(f"{type(error).__name__} in the laser's driver: {error}")
