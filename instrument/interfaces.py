"""What a spectrometer and a laser must be able to do, whatever wire they hang on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from spectra.values import DeviceInfo, FloatArray, Technique

#: Called often during long waits; true means stop now.
StopCheck = Callable[[], bool]

#: What a setting may be set to.
SettingValue = float | int | bool | str


def never_stop() -> bool:
    """Return False: the acquisition runs to its end."""
    return False


class Capability(StrEnum):
    """What some devices can do and others cannot."""

    EXPOSURE = "exposure"
    """The exposure of one accumulation can be set; without it the device times itself."""
    AVERAGES = "averages"
    """Takes the mean of several exposures itself."""
    BOXCAR = "boxcar"
    """Smooths over neighbouring pixels itself."""
    BINNING = "binning"
    """Joins neighbouring pixels itself."""
    TRIGGER = "trigger"
    """Can wait for a trigger."""
    COOLER = "cooler"
    """Its detector has a thermo-electric cooler."""
    TEMPERATURES = "temperatures"
    """Tells temperatures."""
    NONLINEARITY = "nonlinearity"
    """Holds coefficients of its detector's nonlinearity."""
    DARK_PIXELS = "dark_pixels"
    """Has pixels that see no light."""
    BUFFER = "buffer"
    """Can take several spectra into a memory of its own."""
    CHECKSUM = "checksum"
    """Its answers can carry a checksum."""
    BACKGROUND = "background"
    """Measures against a background (reference) of its own."""
    FILES = "files"
    """Its spectra come as files: it is `FileBacked`."""
    BATTERY = "battery"
    """Runs on a battery and tells its charge."""
    WARM_UP = "warm_up"
    """Is not ready at once."""
    KEY = "key"
    """Tells the position of its key switch."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set, with its limits."""

    name: str
    """Name as used by ``set`` and ``settings``."""
    meaning: str
    """What it does, in a sentence."""
    unit: str = ""
    """Unit; empty for counts, flags and choices."""
    low: float | None = None
    """Least value; None where it is no number."""
    high: float | None = None
    """Greatest value; None where it is no number."""
    choices: tuple[str, ...] = ()
    """Allowed words, for a choice; ``("off", "on")`` for a switch set by true and false."""
    writable: bool = True
    """False for what can only be read."""


@dataclass(frozen=True, slots=True)
class SpectrometerLimits:
    """What the device can do."""

    pixels: int
    """Number of pixels of one spectrum; 0 where only the first spectrum tells (devices with files)."""
    exposure_min_s: float
    """Shortest exposure, s."""
    exposure_max_s: float
    """Longest exposure, s."""
    saturation_counts: float | None
    """Counts at which the detector saturates; None where the device has no such limit."""


@dataclass(frozen=True, slots=True)
class SpectrometerStatus:
    """What the spectrometer says of itself."""

    ready: bool
    """True when a scan may begin now."""
    words: str = ""
    """Why it is not ready, or what else is to be said; empty for nothing."""
    temperatures_c: Mapping[str, float] = field(default_factory=dict)
    """Temperatures by place, °C."""
    battery: float | None = None
    """Charge of the battery, 0–1; None without one."""


@dataclass(frozen=True, slots=True)
class LaserStatus:
    """What the laser says of itself."""

    emitting: bool
    """True while the laser is (or may be about to be) on."""
    interlock_closed: bool
    """True when the interlock lets the laser fire; also where the laser cannot tell."""
    fault: str
    """Fault in words; empty for none."""
    power_mw: float
    """Measured power, mW."""
    setpoint_mw: float
    """Power set point, mW."""
    key_on: bool | None = None
    """Position of the key switch; None where the laser cannot tell."""
    ready: bool = True
    """False while it warms up."""
    temperatures_c: Mapping[str, float] = field(default_factory=dict)
    """Temperatures by place, °C."""


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """The file a device wrote for its last spectrum, byte for byte."""

    name: str
    """Its name, without a folder."""
    data: bytes
    """Its bytes."""
    format: str
    """Format as the reader of `spectra.formats` calls it."""


class Spectrometer(Protocol):
    """A detector that returns raw counts; an infrared spectrometer returns absorbance."""

    info: DeviceInfo
    technique: Technique
    limits: SpectrometerLimits
    capabilities: frozenset[Capability]

    def axis(self) -> FloatArray:
        """Return the wavelength (nm) or wavenumber (cm⁻¹) of each pixel, shape (pixels,).

        Where ``limits.pixels`` is 0 it is that of the last spectrum; before the first: `ProtocolError`.
        """
        ...

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure of one accumulation; raises `SettingOutOfRange`."""
        ...

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,); raises `AcquisitionAborted`."""
        ...

    def available_settings(self) -> tuple[Setting, ...]:
        """Return what can be set or read, with limits and units."""
        ...

    def set(self, name: str, value: SettingValue) -> None:
        """Change a setting; raises `UnknownSetting`, `SettingOutOfRange` or `DeviceRefused`."""
        ...

    def status(self) -> SpectrometerStatus:
        """Ask the device how it is."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return a snapshot of everything that is set, as JSON values; stored with every scan."""
        ...

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        ...


class FileBacked(Protocol):
    """What a spectrometer with `Capability.FILES` has besides."""

    last_original: OriginalFile | None
    """The file of the last spectrum; None before the first."""


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

    def settings(self) -> dict[str, Any]:
        """Return a snapshot of everything that is set, as JSON values; stored with every scan."""
        ...

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        ...


class Unit(Protocol):
    """A spectrometer with its own laser behind one port; a guardian owns the whole of it."""

    @property
    def spectrometer(self) -> Spectrometer:
        """Its detector."""
        ...

    @property
    def laser(self) -> Laser:
        """Its laser."""
        ...

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        ...
