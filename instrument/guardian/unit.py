"""A spectrometer that contains its laser, as programs see it: both behind one guardian."""

from contextlib import suppress
from typing import Any

from spectra.values import DeviceInfo, FloatArray, Technique

from ..errors import AcquisitionAborted, DeviceRefused, InstrumentError, ProtocolError
from ..interfaces import (
    Capability,
    Setting,
    SettingValue,
    SpectrometerLimits,
    SpectrometerStatus,
    StopCheck,
    never_stop,
)
from .client import GuardedLaser
from .jobs import SPECTROMETER, spectrometer_status
from .launch import GuardianHandle
from .session import REQUEST_S, Session
from .wire import Message, decode_array

#: Longest wait for one spectrum, s: chosen, above the longest exposure times the averages of a scan.
ACQUIRE_S = 3600.0
#: A stopped acquisition ends within this, s.
STOPPED_S = 10.0
_TRIES = 3


class GuardedSpectrometer:
    """The spectrometer of a unit; implements `instrument.interfaces.Spectrometer`.

    What was set is set again where the guardian or the device's connection was lost in the meantime: no
    spectrum is taken with other settings than asked for.

    Parameters
    ----------
    session
        The claim on the guardian, shared with the laser.
    """

    info: DeviceInfo
    technique: Technique
    limits: SpectrometerLimits
    capabilities: frozenset[Capability]

    def __init__(self, session: Session) -> None:
        self._session = session
        self._exposure_s: float | None = None
        self._chosen: dict[str, SettingValue] = {}
        reply = self._session.request(f"{SPECTROMETER}describe")
        self._opening = reply["opening"]
        described = reply["described"]
        try:
            self.info = DeviceInfo(**described["info"])
            self.technique = Technique(described["technique"])
            self.limits = SpectrometerLimits(**described["limits"])
            self.capabilities = frozenset(map(Capability, described["capabilities"]))
        except (TypeError, ValueError, KeyError) as error:
            raise ProtocolError(f"the guardian did not describe its spectrometer: {error}") from error

    def axis(self) -> FloatArray:
        """Return the wavelength of each pixel, nm, shape (pixels,), read-only."""
        return decode_array(self._asked("axis")["axis"], "axis")

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure of one accumulation, s; raises `SettingOutOfRange`."""
        self._asked("set_exposure", seconds=float(seconds))
        self._exposure_s = float(seconds)

    def set(self, name: str, value: SettingValue) -> None:
        """Change a setting; raises `UnknownSetting`, `SettingOutOfRange` or `DeviceRefused`."""
        self._asked("set", name=name, value=value)
        # The last word counts, also in the order of setting things again.
        self._chosen.pop(name, None)
        self._chosen[name] = value

    def settings(self) -> dict[str, Any]:
        """Return a snapshot of everything that is set, as JSON values; stored with every scan."""
        reply = self._asked("settings")
        if reply["opening"] != self._opening:
            self._restore(reply["opening"])
            reply = self._asked("settings")
        return dict(reply["settings"])

    def status(self) -> SpectrometerStatus:
        """Ask the device how it is."""
        return spectrometer_status(self._asked("status")["status"])

    def available_settings(self) -> tuple[Setting, ...]:
        """Return what can be set or read, with limits and units."""
        return tuple(
            Setting(**{**each, "choices": tuple(each["choices"])})
            for each in self._asked("available_settings")["available"]
        )

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,), read-only.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so, or the laser was turned off meanwhile.
        InstrumentError
            As the driver says it; the laser is off then.
        """
        for _ in range(_TRIES):
            reply = self._acquired(stop)
            if "counts" in reply:
                return decode_array(reply["counts"], "counts")
            # Nothing was exposed: the device was opened again since its settings were made.
            self._restore(reply["opening"])
        raise DeviceRefused(f"{self.info.model} {self.info.serial}: its connection is lost again and again")

    def fetch_transcript(self) -> bytes:
        """Return what went over the wire since the last call, also for the laser, as JSON lines."""
        return self._session.fetch_transcript()

    def close(self) -> None:
        """Hang up, also for the laser; may be called twice."""
        self._session.close()

    def _acquired(self, stop: StopCheck) -> Message:
        answer = self._session.ask(f"{SPECTROMETER}acquire", opening=self._opening)

        def look() -> None:
            if stop():
                raise _Stopped

        try:
            return answer.get(ACQUIRE_S, look=look)
        except _Stopped:
            self._session.request(f"{SPECTROMETER}stop")
        except BaseException:
            with suppress(InstrumentError):
                self._session.request(f"{SPECTROMETER}stop")
            raise
        # Answered once the acquisition has ended: the device is free for what comes next.
        self._session.request(f"{SPECTROMETER}status", timeout_s=STOPPED_S)
        raise AcquisitionAborted(
            f"{self.info.model} {self.info.serial}: stopped, the spectrum is thrown away"
        )

    def _asked(self, what: str, **fields: Any) -> Message:
        return self._session.request(f"{SPECTROMETER}{what}", timeout_s=REQUEST_S, **fields)

    def _restore(self, opening: str) -> None:
        """Make the settings again over a new connection, until all are made over the same."""
        for _ in range(_TRIES):
            over = {opening}
            for name, value in self._chosen.items():
                over.add(self._asked("set", name=name, value=value)["opening"])
            if self._exposure_s is not None:
                over.add(self._asked("set_exposure", seconds=self._exposure_s)["opening"])
            if len(over) == 1:
                self._opening = opening
                return
            opening = self._asked("status")["opening"]
        raise DeviceRefused(f"{self.info.model} {self.info.serial}: its connection is lost again and again")


class _Stopped(Exception):
    """The client's own stop check said so."""


class GuardedUnit:
    """A spectrometer and its own laser over one guardian; implements `instrument.interfaces.Unit`.

    Parameters
    ----------
    handle
        The guardian, from `start_guardian` with the spectrometer's URL.

    Raises
    ------
    PortBusy
        Another program holds it.
    LaserMayBeOn
        The laser cannot be read back as off.
    DeviceRefused
        The guardian owns a laser alone.
    InstrumentError
        The device cannot be reached, as its driver says it.
    """

    spectrometer: GuardedSpectrometer
    laser: GuardedLaser

    def __init__(self, handle: GuardianHandle) -> None:
        session = Session(handle)
        try:
            self.laser = GuardedLaser(session)
            self.spectrometer = GuardedSpectrometer(session)
        except BaseException:
            session.close()
            raise

    def close(self) -> None:
        """Hang up; may be called twice. The guardian then sees to it that the laser is off."""
        self.laser.close()
