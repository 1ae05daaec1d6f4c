"""The laser as programs see it: an ordinary `Laser`, behind which a guardian stands."""

import math
import threading
import time
from dataclasses import replace
from typing import Any

from spectra.values import DeviceInfo

from ..errors import ConnectionLost, InstrumentError, LaserMayBeOn, PortBusy, SettingOutOfRange
from ..interfaces import LaserStatus
from .link import Link
from .spawn import GuardianHandle, start_guardian
from .wire import Message

#: Longest wait for one answer, s: a driver's own time-outs are shorter.
REQUEST_S = 10.0
#: Longest struggle of `GuardedLaser.off`, s.
OFF_S = 20.0
_RECONNECT_S = 2.0


class GuardedLaser:
    """A laser owned by a guardian; implements `instrument.interfaces.Laser`.

    While it is open a thread sends the heartbeat. When the guardian dies it is started again, which forces
    the laser off; the request under way fails with `ConnectionLost` and is not repeated, except for `off`.

    Parameters
    ----------
    handle
        The guardian, from `start_guardian`.

    Raises
    ------
    PortBusy
        Another program holds the laser.
    LaserMayBeOn
        The laser cannot be read back as off.
    InstrumentError
        The laser cannot be reached, as its driver says it.
    """

    info: DeviceInfo
    wavelength_nm: float
    max_power_mw: float

    def __init__(self, handle: GuardianHandle) -> None:
        self._handle = handle
        self._guard = threading.RLock()
        self._closed = False
        self._lit = False
        with self._guard:
            self._link, facts = self._claimed()
        self.info = DeviceInfo(**facts["info"])
        self.wavelength_nm = float(facts["wavelength_nm"])
        self.max_power_mw = float(facts["max_power_mw"])

    def on(self) -> None:
        """Switch on and read back; never retried; raises `InterlockOpen` or `DeviceRefused`."""
        self._request("on")
        self._lit = True

    def set_power(self, milliwatts: float) -> None:
        """Set the power; raises `SettingOutOfRange` above what the guardian allows."""
        if not math.isfinite(milliwatts):
            raise SettingOutOfRange(f"{milliwatts} is no laser power")
        self._request("set_power", power_mw=float(milliwatts))

    def status(self) -> LaserStatus:
        """Ask the laser how it is; where the guardian turned it off unasked, the fault says why."""
        reply = self._request("status")
        status = LaserStatus(**reply["status"])
        if self._lit and not (status.emitting or status.fault):
            return replace(status, fault=str(reply["reason"]))
        return status

    def off(self) -> None:
        """Switch off and read back, over a restarted guardian if need be; raises `LaserMayBeOn`."""
        deadline = time.monotonic() + OFF_S
        while True:
            try:
                self._request("off", timeout_s=min(REQUEST_S, max(deadline - time.monotonic(), 0.1)))
                self._lit = False
                return
            except ConnectionLost as error:
                if self._closed or time.monotonic() > deadline:
                    raise LaserMayBeOn(f"the laser could not be turned off: {error}") from error
                time.sleep(0.05)
            except LaserMayBeOn:
                raise
            except InstrumentError as error:
                raise LaserMayBeOn(f"the laser could not be turned off: {error}") from error

    def fetch_transcript(self) -> bytes:
        """Return the laser's wire transcript since the last call as JSON lines."""
        return str(self._request("transcript")["transcript"]).encode()

    def close(self) -> None:
        """Hang up; may be called twice. The guardian then sees to it that the laser is off."""
        self._closed = True
        with self._guard:
            link = self._link
        # Outside the lock: the link's thread may be waiting for it.
        link.close()

    def _request(self, op: str, *, timeout_s: float = REQUEST_S, **fields: Any) -> Message:
        return self._living_link().request(op, timeout_s=timeout_s, **fields)

    def _living_link(self) -> Link:
        with self._guard:
            if self._closed:
                raise ConnectionLost("this laser was closed; open it again")
            if not self._link.alive:
                self._revive()
            return self._link

    def _revive(self) -> None:
        handle = self._handle
        self._handle = start_guardian(
            handle.socket_path,
            handle.laser_url,
            power_mw=handle.power_mw,
            max_on_s=handle.max_on_s,
            idle_s=handle.idle_s,
        )
        self._link, _ = self._claimed()

    def _on_lost(self) -> None:
        """Bring the guardian back at once: only a new one can force the laser off."""
        with self._guard:
            if self._closed or self._link.alive:
                return
            try:
                self._revive()
            except InstrumentError:
                # The next request tries again and reports it to whoever asks.
                return

    def _claimed(self) -> tuple[Link, Message]:
        """Connect and claim the laser; a predecessor's claim ends within its heartbeat's silence."""
        deadline = time.monotonic() + _RECONNECT_S
        while True:
            link = Link(self._handle.socket_path)
            try:
                facts = link.request("claim", timeout_s=REQUEST_S)
                facts |= link.request("off", timeout_s=REQUEST_S)
                link.when_lost(self._on_lost)
                return link, facts
            except PortBusy:
                link.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            except BaseException:
                link.close()
                raise
