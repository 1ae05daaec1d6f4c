"""Taking a scan: laser off, exposure, signal, laser off, dark; and the laser off on every way out."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np

from spectra.errors import SpectraError
from spectra.values import FloatArray, Scan

from .errors import (
    AcquisitionAborted,
    DeviceRefused,
    InstrumentError,
    InterlockOpen,
    LaserMayBeOn,
    SettingOutOfRange,
)
from .exposure import find_exposure
from .interfaces import Laser, Spectrometer, StopCheck, never_stop
from .scan_plan import ScanPlan

__all__ = ["READOUT_S", "Progress", "ScanPlan", "no_progress", "take_scan"]

#: Called with the name of a stage and the share of it that is done, 0–1.
Progress = Callable[[str, float], None]

#: Readout and transfer of one frame take at most about so long, s (QE Pro at 9600 baud: 4.4 s).
READOUT_S = 6.0


def no_progress(stage: str, fraction: float) -> None:
    """Ignore progress."""


def take_scan(
    spectrometer: Spectrometer,
    laser: Laser | None,
    plan: ScanPlan,
    *,
    stop: StopCheck = never_stop,
    progress: Progress = no_progress,
) -> Scan:
    """Measure once: laser off and verified, exposure, signal frames, laser off and verified, dark frames.

    Parameters
    ----------
    spectrometer
        The detector; stays open.
    laser
        The laser; None where there is none (infrared) or it cannot be switched: then no dark frames.
    plan
        What to measure.
    stop
        Asked often; true ends the scan, the laser first.
    progress
        Told stages ``exposure``, ``signal`` and ``dark``.

    Raises
    ------
    AcquisitionAborted
        ``stop`` said so. Its ``scan`` is what there is, marked aborted; None without a frame.
    LaserMayBeOn
        The laser could not be read back as off; outranks every other error.
    InterlockOpen, DeviceRefused
        The laser may not or does not fire, or went off in mid-scan.
    InstrumentError
        The device failed; its ``scan`` is what there is.
    """
    run = _Run(spectrometer, laser, plan, stop, progress)
    failure: BaseException | None = None
    try:
        run.measure()
    except BaseException as error:
        failure = error
        raise
    finally:
        run.end(failure)
    return run.scan()


class _Run:
    """One scan on its way."""

    def __init__(
        self,
        spectrometer: Spectrometer,
        laser: Laser | None,
        plan: ScanPlan,
        stop: StopCheck,
        progress: Progress,
    ) -> None:
        self._spectrometer = spectrometer
        self._laser = laser
        self._plan = plan
        self._asked_to_stop = stop
        self._progress = progress
        self._signal: list[FloatArray] = []
        self._dark: list[FloatArray] = []
        self._settings: dict[str, Any] = {}
        self._laser_settings: dict[str, Any] = {}
        self._exposure_s = 0.0
        self._on_since: float | None = None
        self._taken_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def measure(self) -> None:
        """Take all frames; may end by any exception, with the laser in any state."""
        self._prepare_laser()
        self._axis = self._spectrometer.axis()
        self._exposure_s = self._chosen_exposure()
        self._spectrometer.set_exposure(self._exposure_s)
        self._settings = {**self._spectrometer.settings(), "laser": self._laser_settings}
        self._frames(self._signal, "signal", self._signal_frame)
        self._laser_off()
        if self._laser is not None:
            self._frames(self._dark, "dark", self._frame)
            self._refuse_light(self._laser)

    def end(self, failure: BaseException | None) -> None:
        """Turn the laser off; give a failure what was measured; let `LaserMayBeOn` outrank it."""
        try:
            self._laser_off(again=True)
        except Exception as error:
            shout = error if isinstance(error, LaserMayBeOn) else LaserMayBeOn(f"laser-off failed: {error}")
            shout.scan = self._partial(f"laser may be on: {shout}")
            raise shout from error
        if isinstance(failure, InstrumentError):
            failure.scan = self._partial(str(failure))

    def scan(self, aborted: str = "") -> Scan:
        """Return what was measured."""
        plan, limits = self._plan, self._spectrometer.limits
        lit = self._laser is not None
        nominal = self._laser.wavelength_nm if self._laser is not None else None
        return Scan(
            technique=self._spectrometer.technique,
            counts=np.array(self._signal),
            dark=np.array(self._dark) if self._dark else None,
            device=self._spectrometer.info,
            exposure_s=self._exposure_s,
            taken_at=self._taken_at,
            axis=self._axis,
            laser_nm=plan.laser_nm if plan.laser_nm is not None else nominal,
            laser_mw=plan.power_mw if lit else None,
            saturation_counts=limits.saturation_counts,
            role=plan.role,
            presentation=plan.presentation,
            item=plan.item,
            screening_id=plan.screening_id,
            spot=plan.spot,
            attempt=plan.attempt,
            blank_id=plan.blank_id,
            name=plan.name,
            clock=plan.clock,
            aborted=aborted,
            settings=self._settings,
        )

    def _partial(self, why: str) -> Scan | None:
        try:
            return self.scan(why) if self._signal else None
        except SpectraError:
            # Frames that make no scan are no record; what went wrong is being raised already.
            return None

    def _prepare_laser(self) -> None:
        self._laser_off(again=True)
        if self._laser is None:
            return
        self._laser.set_power(self._plan.power_mw)
        status = self._laser.status()
        if not status.interlock_closed:
            raise InterlockOpen("the laser's interlock is open: close it, then scan again")
        info = self._laser.info
        self._laser_settings = {"model": info.model, "serial": info.serial, "setpoint_mw": status.setpoint_mw}

    def _chosen_exposure(self) -> float:
        plan, limits = self._plan, self._spectrometer.limits
        longest = limits.exposure_max_s if self._laser is None else plan.laser_on_max_s - READOUT_S
        if plan.exposure_s is not None:
            if self._laser is not None and plan.exposure_s > longest:
                raise SettingOutOfRange(
                    f"{plan.exposure_s:g} s of exposure; the laser may stay on {longest:g} s"
                )
            return plan.exposure_s
        low = limits.exposure_min_s
        high = max(low, min(limits.exposure_max_s, plan.exposure_max_s, longest))
        return find_exposure(self._probe, saturation_counts=limits.saturation_counts, low_s=low, high_s=high)

    def _probe(self, exposure_s: float) -> FloatArray:
        self._progress("exposure", 0.0)
        self._spectrometer.set_exposure(exposure_s)
        self._exposure_s = exposure_s
        self._light_up()
        return self._frame()

    def _signal_frame(self) -> FloatArray:
        self._light_up()
        frame = self._frame()
        if self._laser is not None:
            _refuse_darkness(self._laser)
        return frame

    def _frames(self, into: list[FloatArray], stage: str, take: Callable[[], FloatArray]) -> None:
        count = self._plan.accumulations
        for number in range(count):
            self._progress(stage, number / count)
            into.append(take())
        self._progress(stage, 1.0)

    def _frame(self) -> FloatArray:
        self._check_stop()
        frame = self._spectrometer.acquire(stop=self._stop)
        self._check_stop()
        return frame

    def _light_up(self) -> None:
        """Have the laser on for one frame; one that has been on for long rests first."""
        if self._laser is None:
            return
        self._check_stop()
        ready_at = time.monotonic() + self._exposure_s + READOUT_S
        if self._on_since is not None and ready_at - self._on_since > self._plan.laser_on_max_s:
            self._laser_off()
        if self._on_since is None:
            self._on_since = time.monotonic()
            self._laser.on()

    @staticmethod
    def _refuse_light(laser: Laser) -> None:
        if laser.status().emitting:
            raise LaserMayBeOn("the laser was on while dark frames were taken, though it had been turned off")

    def _laser_off(self, *, again: bool = False) -> None:
        if self._laser is not None and (again or self._on_since is not None):
            self._laser.off()
            self._on_since = None

    def _stop(self) -> bool:
        """Answer the spectrometer; the laser goes off before the frame is cleared away."""
        if not self._asked_to_stop():
            return False
        with suppress(InstrumentError):
            # `end` turns it off again, and shouts.
            self._laser_off()
        return True

    def _check_stop(self) -> None:
        if self._stop():
            raise AcquisitionAborted("the scan was stopped; the laser is off")


def _refuse_darkness(laser: Laser) -> None:
    """Raise unless the laser is on after a frame: a frame without light looks like an empty bag."""
    status = laser.status()
    if not status.interlock_closed:
        raise InterlockOpen("the laser's interlock opened during the scan: close it, then scan again")
    if not status.emitting:
        raise DeviceRefused(f"the laser went off during the scan: {status.fault or 'reason unknown'}")
