"""What stands before the probe: a sample from a file, its brightness and background, drift of the axis."""

from pathlib import Path
from typing import Any

import numpy as np

from spectra.errors import SpectraError
from spectra.values import FloatArray, Spectrum, Technique

from ..errors import InstrumentError
from .physics import (
    Chip,
    electron_rate,
    fluorescence_profile,
    lamp_profile,
    raman_shift,
    sample_profile,
)

#: Largest sample file read, bytes.
MAX_SAMPLE_FILE = 32 << 20
#: Light of an empty sample place, as a share of a typical powder: stray light and optics.
EMPTY_LIGHT = 0.004
#: Exposure at which the bare lamp fills the typical share of the range, s.
TYPICAL_LAMP_S = 0.02


class SceneError(InstrumentError, ValueError):
    """A sample file or a setting that cannot be put before the probe."""


def load_sample(path: Path, *, technique: Technique | None) -> Spectrum:
    """Read the first spectrum of a file of any readable format.

    Its laser need not be the emulator's: Raman shifts do not depend on the laser.

    Raises
    ------
    SceneError
        The file is missing, too large, or of no format we read.
    """
    from spectra.formats import decode

    try:
        if path.stat().st_size > MAX_SAMPLE_FILE:
            raise SceneError(f"{path}: larger than {MAX_SAMPLE_FILE >> 20} MiB, no sample file is")
        data = path.read_bytes()
        decoded = decode(data, name=path.name, technique=technique)
    except OSError as error:
        raise SceneError(f"{path}: cannot be read: {error.strerror}") from error
    except SpectraError as error:
        raise SceneError(f"{path}: {error}") from error
    if not decoded:
        raise SceneError(f"{path}: holds no spectrum")
    return decoded[0].spectrum


class Scene:
    """The light that reaches the detector, per mJ of laser energy and per s of a lamp."""

    def __init__(self, *, laser_nm: float, technique: Technique | None = None) -> None:
        self.laser_nm = laser_nm
        self.technique = technique
        self.sample: Spectrum | None = None
        self.sample_name = ""
        self.brightness = 1.0
        self.fluorescence = 0.0
        self.axis_shift_cm1 = 0.0

    def put(self, path: Path | None) -> None:
        """Put the sample of a file before the probe; None takes it away. On error nothing changes."""
        sample = None
        if path is not None:
            sample = load_sample(path, technique=self.technique)
        self.sample, self.sample_name = sample, str(path or "")

    def raman_rate(self, wavelength_nm: FloatArray, chip: Chip) -> FloatArray:
        """Return electrons per mJ for each pixel; a sample measured by absorption scatters nothing."""
        shift = raman_shift(wavelength_nm, self.laser_nm) + self.axis_shift_cm1
        light = np.full(shift.shape, EMPTY_LIGHT)
        if self.sample is not None and self.sample.technique is Technique.RAMAN:
            light += self.brightness * sample_profile(shift, self.sample.axis, self.sample.intensity)
        light += self.fluorescence * fluorescence_profile(shift)
        return electron_rate(light, wavelength_nm, chip)

    def lamp_rate(self, wavelength_nm: FloatArray, chip: Chip) -> FloatArray:
        """Return electrons per s for each pixel: the instrument's lamp seen through the sample.

        An absorbance A lets 10^−A of the lamp through (Beer–Lambert); beyond its axis end values are held.
        """
        light = lamp_profile(wavelength_nm)
        if self.sample is not None and self.sample.technique is Technique.FTIR:
            wavenumber = 1e7 / wavelength_nm + self.axis_shift_cm1
            absorbance = np.interp(wavenumber, self.sample.axis, self.sample.intensity)
            light *= 10.0 ** -np.clip(self.brightness * absorbance, 0.0, 6.0)
        return light * chip.typical_electrons / TYPICAL_LAMP_S

    def control(self, message: dict[str, Any]) -> None:
        """Carry out the scene's part of a control message.

        Raises
        ------
        SceneError
            A value is of the wrong kind or out of range.
        """
        if "sample" in message:
            sample = message["sample"]
            if sample is not None and not isinstance(sample, str):
                raise SceneError("sample: a file name, or null for none")
            self.put(Path(sample) if sample else None)
        for name, low, high in (
            ("brightness", 0.0, 1000.0),
            ("fluorescence", 0.0, 1000.0),
            ("axis_shift_cm1", -500.0, 500.0),
        ):
            if name in message:
                setattr(self, name, number(message, name, low, high))

    def state(self) -> dict[str, Any]:
        """Return what stands before the probe as JSON values."""
        return {
            "sample": self.sample_name,
            "brightness": self.brightness,
            "fluorescence": self.fluorescence,
            "axis_shift_cm1": self.axis_shift_cm1,
        }


def number(message: dict[str, Any], name: str, low: float, high: float) -> float:
    """Return a number of a control message; raises `SceneError` outside low..high."""
    value = message[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SceneError(f"{name}: a number from {low:g} to {high:g}")
    return float(value)
