"""What a spectrometer and a laser must be able to do, whatever wire they hang on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from spectra.values import DeviceInfo, FloatArray, Technique

#: Called often during long waits; true means stop now.
StopCheck = Callable[[], bool]


def never_stop() -> bool:
    """Return False: the acquisition runs to its end."""
    return False


@dataclass(frozen=True, slots=True)
class SpectrometerLimits:
    """What the device can do."""

    pixels: int
    """Number of pixels of one spectrum."""
    exposure_min_s: float
    """Shortest exposure, s."""
    exposure_max_s: float
    """Longest exposure, s."""
    saturation_counts: float | None
    """Counts at which the detector saturates; None where the device has no such limit."""


@dataclass(frozen=True, slots=True)
class LaserStatus:
    """What the laser says of itself."""

    emitting: bool
    """True while the laser is (or may be about to be) on."""
    interlock_closed: bool
    """True when the interlock lets the laser fire."""
    fault: str
    """Fault in words; empty for none."""
    power_mw: float
    """Measured power, mW."""
    setpoint_mw: float
    """Power set point, mW."""


class Spectrometer(Protocol):
    """A detector that returns raw counts."""

    info: DeviceInfo
    technique: Technique
    limits: SpectrometerLimits

    def axis(self) -> FloatArray:
        """Return the wavelength (nm) or wavenumber (cm⁻¹) of each pixel, shape (pixels,)."""
        ...

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure of one accumulation; raises `SettingOutOfRange`."""
        ...

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,); raises `AcquisitionAborted`."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return a snapshot of the device's settings as JSON values."""
        ...

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        ...


class Laser(Protocol):
    """A laser that can be switched, set and read back."""

    info: DeviceInfo
    wavelength_nm: float
    max_power_mw: float

    def set_power(self, milliwatts: float) -> None:
        """Set the power; raises `SettingOutOfRange`."""
        ...

    def on(self) -> None:
        """Switch on and read back; never retried; raises `InterlockOpen` or `DeviceRefused`."""
        ...

    def off(self) -> None:
        """Switch off and read back, trying again until a deadline; raises `LaserMayBeOn`."""
        ...

    def status(self) -> LaserStatus:
        """Ask the laser how it is."""
        ...

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        ...
