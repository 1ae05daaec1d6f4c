"""What a calibration found: an axis, an intensity response, or a resolution."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from .errors import RecordDamaged
from .strict_json import strict

#: Most points of a response: no detector of a handheld has more channels.
MAX_POINTS = 1 << 16
#: No instrument is less sharp than this, cm⁻¹.
MAX_WIDTH_CM1 = 1000.0


@strict
@dataclass(frozen=True, slots=True)
class LineFit:
    """One line of a standard, where it belongs and where it was found."""

    standard: str
    """Whose line: ``Ne``, ``Ar``, or a substance."""
    reference: float
    """Where it belongs: nm in air for lamps, cm⁻¹ for substances."""
    found: float
    """Where it was found: pixel for lamps and for substances on a pixel axis, else cm⁻¹."""
    sigma: float
    """Standard uncertainty of ``found``, same unit."""
    residual: float
    """Calibrated position minus ``reference``, its unit."""
    used: bool
    """False for a line that was set aside as an outlier, or that only checks the result."""


@strict
@dataclass(frozen=True, slots=True)
class AxisOutcome:
    """How the channels of one device become Raman shifts or wavenumbers.

    ``pixels``: wavelength of channel p is Σ cᵢ·pⁱ nm, and the laser line makes shifts of it.
    ``shifts``: for devices and files that give cm⁻¹ alone, the corrected position of x is Σ cᵢ·xⁱ cm⁻¹.
    """

    form: Literal["pixels", "shifts"]
    """What the coefficients are applied to."""
    coefficients: tuple[float, ...]
    """c₀, c₁, …; nm/pixelⁱ or cm⁻¹/(cm⁻¹)ⁱ."""
    pixels: int
    """Channels the device had; the record serves no other number of them."""
    laser_nm: float | None
    """Laser line, nm; None for infrared and where shifts are corrected as they are."""
    laser_sigma_nm: float | None
    """Standard uncertainty of the laser line, nm; None where it was not fitted."""
    rms: float
    """Root mean square residual of the lines used, nm for ``pixels``, cm⁻¹ for ``shifts``."""
    leave_one_out_rms: float
    """The same, each line predicted by a fit of all others: what a new line would be off by."""
    sigma_cm1: float
    """Largest standard uncertainty of the axis between the first and the last line, cm⁻¹."""
    valid_range: tuple[float, float]
    """First and last line: nm for ``pixels``, cm⁻¹ for ``shifts``. Beyond it the axis is extrapolated."""
    lines: tuple[LineFit, ...]
    """Every line that was matched."""


@strict
@dataclass(frozen=True, slots=True)
class ResponseOutcome:
    """How counts become relative Raman intensities (ASTM E2911)."""

    standard: str
    """Such as ``SRM 2241``."""
    laser_nm: float
    """Laser line the standard's curve holds for, nm."""
    range_cm1: tuple[float, float]
    """Range in which the factor is known; outside it a corrected spectrum has no channels, cm⁻¹."""
    axis_cm1: tuple[float, ...]
    """Where the factor is tabulated, ascending, cm⁻¹; linear between."""
    factor: tuple[float, ...]
    """Certified intensity over measured signal, 1 at its median; above 0."""
    noise: float
    """Relative standard deviation of the factor that the scan's noise leaves after smoothing."""
    spread: tuple[float, float]
    """Smallest and largest factor."""
    cut: str = ""
    """Which measured part of the certified range is missing and why; empty where none is."""

    def __post_init__(self) -> None:
        points = len(self.axis_cm1)
        if not 2 <= points == len(self.factor) <= MAX_POINTS:
            raise RecordDamaged(f"a response of {len(self.factor)} factors at {points} places")
        if any(after <= before for before, after in pairwise(self.axis_cm1)) or min(self.factor) <= 0:
            raise RecordDamaged("the places of a response ascend, and its factors are above 0")
        low, high = self.range_cm1
        if not self.axis_cm1[0] <= low < high <= self.axis_cm1[-1]:
            raise RecordDamaged(
                f"a response at {self.axis_cm1[0]} to {self.axis_cm1[-1]} told as {low} to {high}"
            )


@strict
@dataclass(frozen=True, slots=True)
class ResolutionOutcome:
    """How wide the instrument draws a sharp band (ASTM E2529)."""

    standard: str
    """``calcite``."""
    band_cm1: float
    """The band, cm⁻¹."""
    shape: Literal["gauss", "lorentz", "voigt"]
    """Shape that was fitted."""
    width_cm1: float
    """Full width at half maximum of the band as measured, cm⁻¹."""
    sigma_cm1: float
    """Its standard uncertainty, cm⁻¹."""
    instrument_cm1: float
    """Full width at half maximum of the instrument's line, the band's own width taken off, cm⁻¹."""
    channel_cm1: float
    """Distance of two channels there, cm⁻¹."""

    def __post_init__(self) -> None:
        if not (0 < self.instrument_cm1 < MAX_WIDTH_CM1 and self.width_cm1 > 0 and self.channel_cm1 > 0):
            raise RecordDamaged(f"a resolution of {self.instrument_cm1} cm⁻¹ by a band of {self.width_cm1}")


Outcome = AxisOutcome | ResponseOutcome | ResolutionOutcome
