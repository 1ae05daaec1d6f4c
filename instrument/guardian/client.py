"""The laser as programs see it: an ordinary `Laser`, behind which a guardian stands."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from spectra.values import DeviceInfo

from ..errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    InstrumentError,
    LaserMayBeOn,
    SettingOutOfRange,
)
from ..interfaces import LaserStatus, StopCheck, never_stop
from .jobs import laser_status
from .launch import GuardianHandle
from .session import REQUEST_S, Listener, Session
from .states import LaserState, State

#: Longest struggle of `GuardedLaser.off`, s.
OFF_S = 20.0


class GuardedLaser:
    """A laser owned by a guardian; implements `instrument.interfaces.Laser`.

    While it is open a thread sends the heartbeat. When the guardian dies it is brought back, which forces
    the laser off; the request under way fails with `ConnectionLost` and is not repeated, except for `off`.

    Parameters
    ----------
    handle
        The guardian, from `start_guardian`; or the session of a unit, shared with its spectrometer.

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

    def __init__(self, handle: GuardianHandle | Session) -> None:
        self._session = handle if isinstance(handle, Session) else Session(handle)
        self._lit = False
        self._asked_to_stop: StopCheck = never_stop
        facts = self._session.facts
        self.info = DeviceInfo(**facts["info"])
        self.wavelength_nm = float(facts["wavelength_nm"])
        self.max_power_mw = float(facts["max_power_mw"])

    @property
    def state(self) -> LaserState:
        """What is known of the laser, without asking anybody."""
        return self._session.state

    @property
    def lost_its_light(self) -> bool:
        """Whether the laser was switched on here, and is not known to be on any more, unasked."""
        return self._lit and self._session.state.state is not State.ON

    def when_changed(self, listener: Listener) -> None:
        """Have ``listener`` called with each new state, and with the present one at once.

        It is called from any thread, and must not wait for the laser.
        """
        self._session.when_changed(listener)

    def confirm(self, *, eyewear: bool | None, energetic: bool | None, asked_on: str) -> None:
        """Answer the safety questions for one scan; see `instrument.guardian.permit` for how long they hold.

        Parameters
        ----------
        eyewear
            Whether everybody at the bench wears laser eyewear; None where nobody was asked.
        energetic
            Whether the sample is dark or possibly energetic; None where nobody was asked.
        asked_on
            Where a person answered: ``page`` or ``terminal``; ``nobody`` for a program without a terminal:
            whoever started it answers for it, and the guardian's log says so.

        Raises
        ------
        DeviceRefused
            The answers forbid the laser.
        """
        self._session.request("confirm", eyewear=eyewear, energetic=energetic, asked_on=asked_on)

    @contextmanager
    def stopping(self, stop: StopCheck) -> Iterator[None]:
        """Have ``stop`` asked while `on` waits for the end of a warning."""
        self._asked_to_stop = stop
        try:
            yield
        finally:
            self._asked_to_stop = never_stop

    def on(self) -> None:
        """Switch on, after the warning, and read back; never retried.

        Raises
        ------
        AcquisitionAborted
            The question given to `stopping` said so during the warning; the laser did not go on.
        InterlockOpen, DeviceRefused
            The laser may not or does not fire.
        """
        answer = self._session.ask("on")
        try:
            answer.get(REQUEST_S + self._session.handle.warning_s, look=self._look_up)
        except DeviceRefused as error:
            if self._asked_to_stop():
                raise AcquisitionAborted("stopped before the laser went on") from error
            raise
        except DeviceTimeout:
            # What was asked for must not happen when nobody expects it any more.
            self.off()
            raise
        self._lit = True

    def set_power(self, milliwatts: float) -> None:
        """Set the power; raises `SettingOutOfRange` above what the guardian allows."""
        if not math.isfinite(milliwatts):
            raise SettingOutOfRange(f"{milliwatts} is no laser power")
        self._session.request("set_power", power_mw=float(milliwatts))

    def status(self) -> LaserStatus:
        """Ask the laser how it is; where the guardian turned it off unasked, the fault says why."""
        reply = self._session.request("status")
        status = laser_status(reply["status"])
        if self._lit and not (status.emitting or status.fault):
            return replace(status, fault=str(reply["reason"]))
        return status

    def settings(self) -> dict[str, Any]:
        """Return a snapshot of everything that is set, as JSON values; stored with every scan."""
        return dict(self._session.request("settings")["settings"])

    def off(self) -> None:
        """Switch off and read back, over a restarted guardian if need be; raises `LaserMayBeOn`.

        A laser whose port is gone, and that was read back as off since it was last fired, is off.
        """
        deadline = time.monotonic() + OFF_S
        while True:
            try:
                left = max(deadline - time.monotonic(), 0.1)
                self._session.request("off", timeout_s=min(REQUEST_S, left))
            except ConnectionLost as error:
                if self._session.state.state is not State.UNREACHABLE:
                    if self._session.closed or time.monotonic() > deadline:
                        raise LaserMayBeOn(f"the laser could not be turned off: {error}") from error
                    time.sleep(0.05)
                    continue
            except LaserMayBeOn:
                raise
            except InstrumentError as error:
                if self._session.state.state is not State.UNREACHABLE:
                    raise LaserMayBeOn(f"the laser could not be turned off: {error}") from error
            self._lit = False
            return

    def fetch_transcript(self) -> bytes:
        """Return the wire transcript since the last call as JSON lines."""
        return self._session.fetch_transcript()

    def close(self) -> None:
        """Hang up; may be called twice. The guardian then sees to it that the laser is off."""
        self._session.close()

    def _look_up(self) -> None:
        if self._session.state.state is State.WARNING and self._asked_to_stop():
            self.off()
            raise AcquisitionAborted("stopped during the warning; the laser did not go on")
