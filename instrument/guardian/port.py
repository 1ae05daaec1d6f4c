"""The port as the guardian holds it: opened, lost, opened again, and never mistaken for another."""

import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ConnectionLost, DeviceRefused, InstrumentError, LaserMayBeOn, PortBusy, PortNotFound
from ..interfaces import Laser, Spectrometer
from ..registry import contains_laser, open_laser, open_unit
from ..transport.transcript import Transcript
from .marker import Marker

_log = logging.getLogger(__name__)

#: Text of transcripts kept until they are fetched, bytes: chosen, 100 frames of 2048 pixels take 1 MB.
KEPT_BYTES = 16 << 20
_ABSENT = (ConnectionLost, PortBusy, PortNotFound)
#: Errors after which the laser's port is gone.
GONE = (ConnectionLost, PortNotFound)


@dataclass(frozen=True, slots=True)
class OwnedDevice:
    """What a guardian owns: a laser, or a spectrometer with its own laser behind one port."""

    laser: Laser
    """The laser."""
    spectrometer: Spectrometer | None
    """The spectrometer behind the same port; None for a laser alone."""
    close: Callable[[], None]
    """Lets go of the port."""

    def transcripts(self) -> list[Transcript]:
        """Return the records of its conversations, each once."""
        found = [getattr(part, "transcript", None) for part in (self.laser, self.spectrometer)]
        kept = {id(each): each for each in found if isinstance(each, Transcript)}
        return list(kept.values())


def opener(url: str) -> Callable[[], OwnedDevice]:
    """Return what opens a laser or a unit, as often as its port comes back.

    A pseudo-terminal that went away does not come back: Linux gives its number to the next
    program that asks for one, and that is no laser of ours.
    """
    opened = False

    def open_again() -> OwnedDevice:
        nonlocal opened
        if opened and "/dev/pts/" in url:
            raise PortNotFound(f"{url}: the pseudo-terminal is gone")
        device = _open(url)
        opened = True
        return device

    return open_again


def _open(url: str) -> OwnedDevice:
    if contains_laser(url):
        unit = open_unit(url)
        return OwnedDevice(unit.laser, unit.spectrometer, unit.close)
    laser = open_laser(url)
    return OwnedDevice(laser, None, laser.close)


class LaserPort:
    """Open a laser when needed, and verify it off whatever happened to the connection before.

    Parameters
    ----------
    open_device
        Opens the driver; called again after each loss of the port.
    power_mw
        Power set on opening, mW.
    marker
        Remembers across processes that the laser was fired.
    """

    def __init__(self, open_device: Callable[[], OwnedDevice], *, power_mw: float, marker: Marker) -> None:
        self._open_device = open_device
        self._power_mw = power_mw
        self._ceiling_mw = power_mw
        self._marker = marker
        self._device: OwnedDevice | None = None
        self._openings = 0
        self._transcripts: deque[bytes] = deque()
        self._serial = marker.serial
        self.fired = marker.present
        """Whether the laser was fired, or did not say that it is off, and was not verified off since."""
        self.lost = False
        """Whether the port was lost since the laser was last read back as off: its power may be another."""
        self.facts: dict[str, Any] = {}
        """``info``, ``wavelength_nm``, ``max_power_mw`` (never above the bench's); if it is a ``unit``."""

    @property
    def laser(self) -> Laser:
        """The open driver; raises `DeviceRefused` after a loss until `force_off` has succeeded."""
        return self._opened().laser

    @property
    def spectrometer(self) -> Spectrometer:
        """The spectrometer behind the same port; raises `DeviceRefused` where there is none."""
        spectrometer = self._opened().spectrometer
        if spectrometer is None:
            raise DeviceRefused("this guardian owns a laser alone; the spectrometer has a port of its own")
        return spectrometer

    @property
    def opening(self) -> str:
        """Name of this connection to the device: what was set over an earlier one may be gone."""
        return f"{os.getpid()}-{self._openings}"

    def arm(self) -> None:
        """Note on disk that the laser is about to be fired."""
        self._marker.set(self._serial)
        self.fired = True

    def suspect(self) -> None:
        """Note that the laser may be on though nobody here fired it."""
        self.fired = True
        try:
            self._marker.set(self._serial)
        except InstrumentError as error:
            _log.warning("%s", error)

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
        anew = self._device is None or self.lost
        try:
            if self._device is None:
                self._reopen()
            self.laser.off()
        except Exception as error:
            self.close()
            raise self._verdict(error) from error
        self.fired = False
        try:
            self._marker.clear()
        except OSError as error:
            # Left there, it makes the next guardian force off what is off already.
            _log.warning("the marker cannot be removed: %s", error)
        if anew:
            self._set_safe_power()

    def _verdict(self, error: Exception) -> InstrumentError:
        """Return what a failure to turn off means: an absent laser that nobody fired is absent, no more."""
        if self.fired:
            if isinstance(error, LaserMayBeOn):
                return error
            return LaserMayBeOn(f"the laser could not be read back as off: {error}")
        if isinstance(error, LaserMayBeOn) and not isinstance(error.__cause__, _ABSENT):
            if isinstance(error.__cause__, DeviceRefused):
                # It answered, and not that it is off.
                self.suspect()
            return error
        return as_instrument_error(error.__cause__ if isinstance(error, LaserMayBeOn) else error)

    def _set_safe_power(self) -> None:
        try:
            self.laser.set_power(min(self._power_mw, self.facts["max_power_mw"]))
        except Exception as error:
            self.close()
            raise as_instrument_error(error) from error
        self.lost = False

    def _opened(self) -> OwnedDevice:
        if self._device is None:
            raise DeviceRefused("the guardian has lost its laser's port")
        return self._device

    def _reopen(self) -> None:
        self._device = device = self._open_device()
        self._openings += 1
        laser, serial = device.laser, device.laser.info.serial
        if self.fired and self._serial and serial and serial != self._serial:
            raise LaserMayBeOn(f"laser {self._serial} was fired, but {serial} answers at its port")
        self._serial = serial
        self.facts = {
            "info": {name: getattr(laser.info, name) for name in type(laser.info).__slots__},
            "wavelength_nm": laser.wavelength_nm,
            "max_power_mw": min(laser.max_power_mw, self._ceiling_mw),
            "unit": device.spectrometer is not None,
        }

    def transcript(self) -> bytes:
        """Return the wire transcripts since the last fetch, lost connections first, and forget them."""
        self.set_aside()
        kept, self._transcripts = b"".join(self._transcripts), deque()
        return kept

    def set_aside(self) -> None:
        """Close the record so far: what is said from now on can be forgotten by itself."""
        for each in self._device.transcripts() if self._device else ():
            if each.entries():
                self._transcripts.append(each.to_bytes())
                each.restart()
        while sum(map(len, self._transcripts)) > KEPT_BYTES and len(self._transcripts) > 1:
            self._transcripts.popleft()

    def forget(self) -> None:
        """Forget what was said since `set_aside`."""
        for each in self._device.transcripts() if self._device else ():
            each.restart()

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        if self._device is None:
            return
        self.set_aside()
        device, self._device = self._device, None
        try:
            device.close()
        except Exception as error:
            # The port is gone already, or its driver is broken: there is nothing left to let go of.
            _log.warning("letting go of the port: %s", error)


def as_instrument_error(error: BaseException | None) -> InstrumentError:
    """Return an error of this package for whatever a driver raised."""
    if isinstance(error, InstrumentError):
        return error
    return InstrumentError(f"{type(error).__name__} in the laser's driver: {error}")
