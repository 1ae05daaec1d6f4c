"""The emulators' detector physics in this process, without a wire and without waiting: for statistics."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from instrument.emulators.detector import Detector
from instrument.emulators.light import ConstantLight
from instrument.emulators.obp_models import MODELS
from instrument.emulators.scene import Scene
from instrument.errors import UnknownSetting
from instrument.interfaces import (
    Capability,
    LaserStatus,
    Setting,
    SettingValue,
    SpectrometerLimits,
    SpectrometerStatus,
    StopCheck,
    never_stop,
)
from spectra.values import DeviceInfo, FloatArray, Spectrum, Technique

LASER_NM = 785.0
POWER_MW = 100.0
MAX_POWER_MW = 500.0


@dataclass
class Beam:
    """A laser that does what it is told; the detector sees it as its light."""

    info: DeviceInfo = field(default_factory=lambda: DeviceInfo("beam", "BEAM-1", "", "", emulated=True))
    wavelength_nm: float = LASER_NM
    max_power_mw: float = MAX_POWER_MW
    power_mw: float = POWER_MW
    lit: bool = False

    def set_power(self, milliwatts: float) -> None:
        """Set the power, mW."""
        self.power_mw = milliwatts

    def on(self) -> None:
        """Shine."""
        self.lit = True

    def off(self) -> None:
        """Shine no more."""
        self.lit = False

    def status(self) -> LaserStatus:
        """Return the truth."""
        return LaserStatus(self.lit, True, "", self.power_mw if self.lit else 0.0, self.power_mw)

    def settings(self) -> dict[str, Any]:
        """Return the set point."""
        return {"setpoint_mw": self.power_mw}

    def close(self) -> None:
        """There is nothing to let go of."""

    def energy_mj(self, start_ns: int, end_ns: int) -> float:
        """Return power times duration, mJ, if it shines."""
        return ConstantLight(self.power_mw if self.lit else 0.0).energy_mj(start_ns, end_ns)


class DetectorBench:
    """An STS as a `Spectrometer` on a `Beam`, for any sample before its probe.

    Parameters
    ----------
    sample
        Raman spectrum of what stands there; None for an empty place.
    brightness, fluorescence
        Of the sample, as the emulators know them.
    seed
        Of the noise: the same seed gives the same first frames.
    """

    technique = Technique.RAMAN
    capabilities = frozenset({Capability.EXPOSURE})

    def __init__(
        self,
        sample: Spectrum | None,
        *,
        brightness: float,
        fluorescence: float,
        seed: int,
        cosmic_rate: float,
    ) -> None:
        model = MODELS["STS"]
        scene = Scene(laser_nm=LASER_NM, technique=Technique.RAMAN)
        scene.sample, scene.brightness, scene.fluorescence = sample, brightness, fluorescence
        self.beam = Beam()
        self._detector = Detector(
            model.chip,
            coefficients=model.coefficients,
            pixels=model.pixels,
            scene=scene,
            light=self.beam,
            seed=seed,
            cosmic_rate=cosmic_rate,
        )
        low, high = model.exposure_us
        self.info = DeviceInfo("STS", f"BENCH-{seed}", "", "", emulated=True)
        self.limits = SpectrometerLimits(model.pixels, low * 1e-6, high * 1e-6, model.chip.full_scale)
        self._exposure_s = 0.1
        self.lit_s = self.dark_s = 0.0
        """Exposure with the laser on, probe frames among it, and without, s."""

    def axis(self) -> FloatArray:
        """Return the wavelengths, nm."""
        axis = self._detector.wavelengths.copy()
        axis.flags.writeable = False
        return axis

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure, s."""
        assert math.isfinite(seconds)
        self._exposure_s = seconds

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Return the counts of an exposure that took no time."""
        if self.beam.lit:
            self.lit_s += self._exposure_s
        else:
            self.dark_s += self._exposure_s
        counts = np.asarray(self._detector.finish(self._detector.begin(self._exposure_s)))
        counts.flags.writeable = False
        return counts

    def available_settings(self) -> tuple[Setting, ...]:
        """Return none."""
        return ()

    def set(self, name: str, value: SettingValue) -> None:
        """Refuse."""
        raise UnknownSetting(f"{name}={value}")

    def status(self) -> SpectrometerStatus:
        """Return that it is ready."""
        return SpectrometerStatus(True)

    def settings(self) -> dict[str, Any]:
        """Return the exposure."""
        return {"exposure_s": self._exposure_s}

    def close(self) -> None:
        """There is nothing to let go of."""
