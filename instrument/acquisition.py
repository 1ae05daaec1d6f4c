"""Taking a scan: laser off, exposure, signal, laser off, dark; and the laser off on every way out."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np

from spectra.errors import SpectraError
from spectra.values import FloatArray, Scan

from .errors import AcquisitionAborted, InstrumentError, LaserMayBeOn, ProtocolError, SettingOutOfRange
from .exposure import find_exposure, is_saturated, lamp_peak, peak_counts
from .interfaces import Capability, Laser, Spectrometer, StopCheck, never_stop
from .lighting import READOUT_S, Lighting
from .scan_plan import LightSource, ScanPlan

__all__ = ["READOUT_S", "Enough", "LightSource", "Progress", "ScanPlan", "no_progress", "take_scan"]

#: Called with the name of a stage and the share of it that is done, 0–1.
Progress = Callable[[str, float], None]

#: Called with the scan so far after each accumulation; true ends it as a complete scan.
Enough = Callable[[Scan], bool]

#: Dark frames taken before the first signal frame of a growing scan: enough to tell cosmic rays in them.
FIRST_DARKS = 3
#: How often an exposure chosen automatically is halved because a signal frame saturates.
MAX_RESTARTS = 3
#: Longest wait between two looks at the stop question, s.
_STOP_INTERVAL_S = 0.04


def no_progress(stage: str, fraction: float) -> None:
    """Ignore progress."""


def take_scan(
    spectrometer: Spectrometer,
    laser: Laser | None,
    plan: ScanPlan,
    *,
    stop: StopCheck = never_stop,
    progress: Progress = no_progress,
    enough: Enough | None = None,
) -> Scan:
    """Measure once: laser off and verified, exposure, signal frames, laser off and verified, dark frames.

    Where the plan says that the laser stays off, it is read back as off before, between and after the frames,
    and there are no dark frames.

    With ``enough`` the scan grows: some dark frames come first, then signal frames until it is enough or
    the plan's accumulations are reached, then the dark frames that are still missing.

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
        Told stages ``countdown``, ``exposure``, ``signal`` and ``dark``.
    enough
        Judges the scan so far after each accumulation; what it raises ends the scan.

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
        run.measure(enough)
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
        self._fires = laser is not None and plan.light is LightSource.LASER
        self._lighting = Lighting(laser, on_max_s=plan.laser_on_max_s, held_off=not self._fires)
        self._peak = peak_counts if plan.light is LightSource.LASER else lamp_peak
        self._plan = plan
        self._asked_to_stop = stop
        self._progress = progress
        self._signal: list[FloatArray] = []
        self._dark: list[FloatArray] = []
        self._settings: dict[str, Any] = {}
        self._axis: FloatArray | None = None
        self._exposure_s = 0.0
        self._taken_at = ""

    def measure(self, enough: Enough | None) -> None:
        """Take all frames; may end by any exception, with the laser in any state."""
        self._lighting.off(again=True)
        self._count_down()
        self._taken_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._lighting.prepare(self._plan.power_mw)
        self._choose_exposure()
        self._settings = self._snapshot()
        if enough is not None:
            self._take_darks(min(FIRST_DARKS, self._plan.accumulations))
        self._take_signal(enough)
        self._take_darks(len(self._signal))
        if Capability.FILES in self._spectrometer.capabilities:
            # What its file says of the measurement is known only now.
            self._settings |= self._spectrometer.settings()

    def end(self, failure: BaseException | None) -> None:
        """Turn the laser off; give a failure what was measured; let `LaserMayBeOn` outrank it."""
        try:
            self._lighting.off(again=True)
        except Exception as error:
            shout = error if isinstance(error, LaserMayBeOn) else LaserMayBeOn(f"laser-off failed: {error}")
            shout.scan = self._partial(f"laser may be on: {shout}")
            raise shout from error
        if isinstance(failure, InstrumentError):
            failure.scan = self._partial(str(failure))

    def scan(self, aborted: str = "") -> Scan:
        """Return what was measured."""
        plan, limits = self._plan, self._spectrometer.limits
        # A file says its own excitation and axis; other spectrometers have neither attribute.
        told = getattr(self._spectrometer, "laser_nm", None)
        nominal = self._laser.wavelength_nm if self._laser is not None else told
        if self._axis is None:
            self._axis = self._spectrometer.axis()
        return Scan(
            technique=self._spectrometer.technique,
            counts=np.array(self._signal),
            dark=np.array(self._dark) if self._dark else None,
            device=self._spectrometer.info,
            exposure_s=self._exposure_s,
            taken_at=self._taken_at,
            axis=self._axis,
            axis_unit=getattr(self._spectrometer, "axis_unit", ""),
            laser_nm=plan.laser_nm if plan.laser_nm is not None else nominal,
            laser_mw=plan.power_mw if self._fires else None,
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
        except (SpectraError, InstrumentError):
            # Frames that make no scan are no record; what went wrong is being raised already.
            return None

    def _count_down(self) -> None:
        """Let the time of a delayed scan pass, with the laser off."""
        begun, delay = time.monotonic(), self._plan.countdown_s
        while (passed := time.monotonic() - begun) < delay:
            self._check_stop()
            self._progress("countdown", passed / delay)
            time.sleep(min(_STOP_INTERVAL_S, delay - passed))

    def _choose_exposure(self) -> None:
        if Capability.EXPOSURE not in self._spectrometer.capabilities:
            return
        plan, limits = self._plan, self._spectrometer.limits
        longest = plan.laser_on_max_s - READOUT_S if self._fires else limits.exposure_max_s
        if plan.exposure_s is None:
            low = limits.exposure_min_s
            high = max(low, min(limits.exposure_max_s, plan.exposure_max_s, longest))
            self._exposure_s = find_exposure(
                self._probe,
                saturation_counts=limits.saturation_counts,
                low_s=low,
                high_s=high,
                peak=self._peak,
            )
        elif self._fires and plan.exposure_s > longest:
            raise SettingOutOfRange(f"{plan.exposure_s:g} s of exposure; the laser may stay on {longest:g} s")
        else:
            self._exposure_s = plan.exposure_s
        self._spectrometer.set_exposure(self._exposure_s)

    def _probe(self, exposure_s: float) -> FloatArray:
        self._progress("exposure", 0.0)
        self._spectrometer.set_exposure(exposure_s)
        self._exposure_s = exposure_s
        self._check_stop()
        self._lighting.light_up(exposure_s)
        return self._frame()

    def _take_signal(self, enough: Enough | None) -> None:
        count, restarts = self._plan.accumulations, 0
        while len(self._signal) < count:
            self._progress("signal", len(self._signal) / count)
            self._check_stop()
            self._lighting.light_up(self._exposure_s)
            frame = self._frame()
            self._lighting.refuse_darkness()
            if restarts < MAX_RESTARTS and self._too_bright(frame):
                restarts += 1
                self._expose_shorter()
                continue
            self._refuse_other_axis()
            self._signal.append(frame)
            if enough is not None and enough(self.scan()):
                break
        self._progress("signal", 1.0)

    def _snapshot(self) -> dict[str, Any]:
        """Return what is set, for the record."""
        settings = {**self._spectrometer.settings(), "laser": self._lighting.facts}
        return settings if self._plan.light is LightSource.LASER else settings | {"light": "off"}

    def _refuse_other_axis(self) -> None:
        """Raise `ProtocolError` where somebody changed the range of a device between two frames."""
        axis = self._spectrometer.axis()
        if self._axis is not None and not np.array_equal(axis, self._axis):
            raise ProtocolError("the spectrometer's axis changed during the scan; leave its settings alone")
        self._axis = axis

    def _too_bright(self, frame: FloatArray) -> bool:
        """Whether a frame saturates at an exposure that may still be changed."""
        limits = self._spectrometer.limits
        changeable = self._plan.exposure_s is None and self._exposure_s / 2 >= limits.exposure_min_s
        return (
            changeable and self._exposure_s > 0 and is_saturated(frame, limits.saturation_counts, self._peak)
        )

    def _expose_shorter(self) -> None:
        """Begin the frames anew at half the exposure; the record says that it was so."""
        given_up = {"exposure_s": self._exposure_s, "frames": len(self._signal) + 1, "why": "saturated"}
        self._lighting.off()
        self._signal.clear()
        had_darks = len(self._dark)
        self._dark.clear()
        self._exposure_s /= 2
        self._spectrometer.set_exposure(self._exposure_s)
        restarted = [*self._settings.get("restarted", []), given_up]
        self._settings = self._snapshot()
        self._settings["restarted"] = restarted
        self._take_darks(had_darks)

    def _take_darks(self, count: int) -> None:
        """Take dark frames until there are so many; the laser is off, and read back after them."""
        self._lighting.off()
        if not self._fires or len(self._dark) >= count:
            return
        while len(self._dark) < count:
            self._progress("dark", len(self._dark) / count)
            self._check_stop()
            self._dark.append(self._frame())
        self._lighting.refuse_light()
        self._progress("dark", 1.0)

    def _frame(self) -> FloatArray:
        self._check_stop()
        frame = self._spectrometer.acquire(stop=self._stop)
        self._check_stop()
        return frame

    def _stop(self) -> bool:
        """Answer the spectrometer; the laser goes off before the frame is cleared away."""
        if not self._asked_to_stop():
            return False
        with suppress(InstrumentError):
            # `end` turns it off again, and shouts.
            self._lighting.off()
        return True

    def _check_stop(self) -> None:
        if self._stop():
            raise AcquisitionAborted("the scan was stopped; the laser is off")
