"""The values everything else speaks in: spectra, scans and the parts they are made of.

All are frozen; their arrays are copies that cannot be written to.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from mmap import mmap
from typing import Any, Self, TypeGuard

import numpy as np
import numpy.typing as npt

from .errors import AxisError, ValueRangeError

FloatArray = npt.NDArray[np.float64]

#: No spectrum of a handheld has more channels; a longer axis is a damaged or hostile file.
MAX_CHANNELS = 1 << 20


class Technique(StrEnum):
    """How a spectrum was measured."""

    RAMAN = "raman"
    FTIR = "ftir"


class Presentation(StrEnum):
    """What stood between the probe and the sample."""

    DIRECT = "direct"
    OUTER = "outer"
    BAG = "bag"
    VIAL = "vial"
    ATR = "atr"


class Role(StrEnum):
    """What a scan was made for."""

    SAMPLE = "sample"
    BLANK = "blank"
    VERIFICATION = "verification"
    REFERENCE = "reference"
    CALIBRATION = "calibration"


#: Units a scan's axis may have, the usual one first.
AXIS_UNITS = {Technique.RAMAN: ("nm", "cm-1"), Technique.FTIR: ("cm-1",)}


def frozen_array(values: npt.ArrayLike, *, name: str, ndim: int = 1) -> FloatArray:
    """Return numbers as a read-only float64 array of their own, or the very array where it is one already.

    A part of a read-only array counts as one, too, and so does a part of a file that is mapped for reading.

    Raises
    ------
    ValueRangeError
        Another number of dimensions, too many channels, or a number that is not finite.
    """
    # What nobody can write to any more need not be copied: thousands of references share one axis.
    array = values if _shared(values) else np.array(values, dtype=np.float64, order="C")
    if array.ndim != ndim:
        raise ValueRangeError(f"{name} needs {ndim} dimension(s), got {array.ndim}")
    if array.size and array.shape[-1] > MAX_CHANNELS:
        raise ValueRangeError(f"{name} has {array.shape[-1]} channels, more than {MAX_CHANNELS}")
    if not np.isfinite(array).all():
        raise ValueRangeError(f"{name} holds numbers that are not finite")
    array.setflags(write=False)
    return array


def _shared(values: npt.ArrayLike) -> TypeGuard[FloatArray]:
    """Whether an array, and all that it is a part of, can only be read."""
    if (
        not isinstance(values, np.ndarray)
        or values.dtype != np.float64
        or not (values.flags.c_contiguous and values.flags.aligned)
    ):
        return False
    owner: Any = values
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    if isinstance(owner, mmap):
        owner = memoryview(owner)
    return owner is None or isinstance(owner, bytes) or (isinstance(owner, memoryview) and owner.readonly)


def check_ascending(axis: FloatArray, *, name: str) -> None:
    """Raise `AxisError` unless an axis has at least two strictly ascending values."""
    if axis.size < 2:
        raise AxisError(f"{name} has {axis.size} channel(s); a spectrum needs at least 2")
    if not (np.diff(axis) > 0).all():
        raise AxisError(f"{name} is not strictly ascending")


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Intensities over a calibrated axis."""

    axis: FloatArray
    """Raman shift or wavenumber, cm⁻¹, strictly ascending, shape (n,)."""
    intensity: FloatArray
    """Raman: counts or any unit proportional to them; FTIR: absorbance. Shape (n,)."""
    technique: Technique
    """How it was measured."""
    noise: FloatArray | None = None
    """Standard deviation of each intensity, same unit, shape (n,); None where unknown."""
    laser_nm: float | None = None
    """Excitation wavelength, nm; None for FTIR or where unknown."""
    resolution_cm1: float | None = None
    """Full width at half maximum of the instrument's line, cm⁻¹; None where unknown."""
    saturated: bool = False
    """True where a channel reached the detector's limit."""
    history: tuple[str, ...] = ()
    """What was done to it so far, oldest first, in words a report may print."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "axis", frozen_array(self.axis, name="axis"))
        check_ascending(self.axis, name="axis")
        set_(self, "intensity", frozen_array(self.intensity, name="intensity"))
        if self.intensity.shape != self.axis.shape:
            raise AxisError(f"{self.intensity.size} intensities for {self.axis.size} axis values")
        if self.noise is not None:
            set_(self, "noise", frozen_array(self.noise, name="noise"))
            if self.noise.shape != self.axis.shape or (self.noise < 0).any():
                raise ValueRangeError("noise must be one number ≥ 0 for each channel")
        if self.laser_nm is not None and not 200.0 <= self.laser_nm <= 2000.0:
            raise ValueRangeError(f"a laser of {self.laser_nm} nm is outside 200–2000 nm")

    @classmethod
    def like(cls, other: Self, intensity: FloatArray, noise: FloatArray | None) -> Self:
        """Return another spectrum of the same kind on the same axis, without looking at its numbers.

        For thousands of spectra whose numbers were checked together: finite, one for each channel, noise at
        least 0, in arrays that nobody can write to.
        """
        made = object.__new__(cls)
        for name in cls.__slots__:
            object.__setattr__(made, name, getattr(other, name))
        object.__setattr__(made, "intensity", intensity)
        object.__setattr__(made, "noise", noise)
        return made


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Which instrument measured."""

    model: str
    """As the device or its file says it."""
    serial: str
    """Serial number; empty where unknown."""
    firmware: str = ""
    """Firmware revision; empty where unknown."""
    url: str = ""
    """Device URL it was reached by; empty for files."""
    emulated: bool = False
    """True for an emulated device; such data is labelled everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Raw counts as the device gave them, with all that is needed to use them later."""

    technique: Technique
    """How it was measured."""
    counts: FloatArray
    """Raw counts with the laser on, or the intensities of a device's file, shape (accumulations, pixels)."""
    device: DeviceInfo
    """Which instrument measured."""
    exposure_s: float
    """Exposure of one accumulation, s; 0 where unknown."""
    taken_at: str
    """Start of the scan, or arrival of its file, RFC 3339 in UTC, by the bench's clock."""
    axis: FloatArray
    """Axis as the device says, in ``axis_unit``, shape (pixels,)."""
    dark: FloatArray | None = None
    """Raw counts with the laser off, same exposure, shape (accumulations, pixels); None if not taken."""
    laser_nm: float | None = None
    """Excitation wavelength, nm."""
    laser_mw: float | None = None
    """Laser power asked for, mW."""
    saturation_counts: float | None = None
    """Counts at which the detector saturates; None where unknown."""
    role: Role = Role.SAMPLE
    """What the scan was made for."""
    presentation: Presentation = Presentation.DIRECT
    """What stood between probe and sample."""
    item: str = ""
    """Item identifier of the parcel as scanned; empty for blanks and verifications."""
    screening_id: str = ""
    """The screening this scan belongs to; empty for blanks and verifications."""
    spot: int = 1
    """Number of the spot on the item, from 1."""
    attempt: int = 1
    """Number of the attempt at that spot, from 1."""
    blank_id: str = ""
    """Content address of the blank scan to use with it; empty for none."""
    name: str = ""
    """Name of a blank or of a verification standard."""
    clock: str = "unknown"
    """State of the bench's clock: synchronised, unsynchronised or unknown."""
    aborted: str = ""
    """Why the scan was cut short; empty for a complete one."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Snapshot of the device settings, JSON values."""
    transcript_sha256: str = ""
    """Digest of the wire transcript kept with it; empty for none."""
    axis_unit: str = ""
    """Unit of ``axis``: ``nm``, or ``cm-1`` (Raman shift or wavenumber). Empty becomes the technique's own:
    nm for Raman, cm-1 for FTIR, as in scans described before there was this field."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "axis_unit", self.axis_unit or AXIS_UNITS[self.technique][0])
        if self.axis_unit not in AXIS_UNITS[self.technique]:
            raise ValueRangeError(f"an axis in {self.axis_unit!r} is none of a {self.technique} scan")
        set_(self, "axis", frozen_array(self.axis, name="axis"))
        set_(self, "counts", frozen_array(self.counts, name="counts", ndim=2))
        frames: tuple[FloatArray, ...] = (self.counts,)
        if self.dark is not None:
            set_(self, "dark", frozen_array(self.dark, name="dark", ndim=2))
            frames = (self.counts, self.dark)
        for frame in frames:
            if frame.shape[1] != self.axis.size:
                raise AxisError(f"{frame.shape[1]} pixels for {self.axis.size} axis values")
        if not self.aborted and not len(self.counts):
            raise ValueRangeError("a complete scan needs at least one accumulation")
        if self.exposure_s < 0 or not np.isfinite(self.exposure_s):
            raise ValueRangeError(f"exposure of {self.exposure_s} s")
        if self.spot < 1 or self.attempt < 1:
            raise ValueRangeError("spots and attempts are numbered from 1")

    @property
    def saturated(self) -> bool:
        """Whether any accumulation reached the detector's limit at any pixel."""
        limit = self.saturation_counts
        return limit is not None and bool((self.counts >= limit).any())

    def described(self) -> dict[str, Any]:
        """Return everything but the arrays as JSON values."""
        names = [f for f in self.__slots__ if f not in {"counts", "dark", "axis", "device"}]
        head = {name: getattr(self, name) for name in names}
        device = {name: getattr(self.device, name) for name in DeviceInfo.__slots__}
        return {**head, "device": device}

    @classmethod
    def from_described(
        cls, head: dict[str, Any], *, counts: npt.ArrayLike, dark: npt.ArrayLike | None, axis: npt.ArrayLike
    ) -> Self:
        """Rebuild a scan from `described` and its arrays.

        Raises
        ------
        ValueRangeError
            A field is missing, unknown or of another kind.
        """
        try:
            fields = dict(head)
            fields["device"] = DeviceInfo(**fields["device"])
            fields["technique"] = Technique(fields["technique"])
            fields["role"] = Role(fields["role"])
            fields["presentation"] = Presentation(fields["presentation"])
            return cls(counts=counts, dark=dark, axis=axis, **fields)  # type: ignore[arg-type]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueRangeError(f"a scan's description is damaged: {error}") from error
