"""What stands before the probe: a sample from a file, or a lamp; and what is wrong with the axis."""

from pathlib import Path
from typing import Any

import numpy as np

from spectra.errors import SpectraError
from spectra.values import FloatArray, Spectrum, Technique

from ..errors import InstrumentError
from .axis_error import LIMITS, AxisFault
from .lamps import TYPICAL_LINE_S, emission_profile, parse_lamp
from .physics import (
    Chip,
    electron_rate,
    fluorescence_profile,
    lamp_profile,
    raman_shift,
    sample_profile,
)
from .response import Response

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

    def __init__(self, *, laser_nm: float, technique: Technique | None = None, speed: float = 1.0) -> None:
        self.laser_nm = laser_nm
        """Wavelength of the laser as the device says it, nm."""
        self.technique = technique
        self.sample: Spectrum | None = None
        self.sample_name = ""
        self.brightness = 1.0
        self.fluorescence = 0.0
        self.lamp: tuple[str, ...] = ()
        """Elements of the calibration lamp that is lit."""
        self.axis = AxisFault(speed=speed)
        """How far the true axis is from the one the device tells."""
        self.response: Response | None = None
        """Efficiency of the spectrograph besides the chip's; None for the same everywhere."""

    def put(self, path: Path | None) -> None:
        """Put the sample of a file before the probe; None takes it away. On error nothing changes."""
        sample = None
        if path is not None:
            sample = load_sample(path, technique=self.technique)
        self.sample, self.sample_name = sample, str(path or "")

    def raman_rate(self, wavelength_nm: FloatArray, chip: Chip) -> FloatArray:
        """Return electrons per mJ for each pixel; a sample measured by absorption scatters nothing."""
        shift = raman_shift(self.axis.seen(wavelength_nm), self.laser_nm + self.axis.laser_error_nm)
        light = np.full(shift.shape, EMPTY_LIGHT)
        if self.sample is not None and self.sample.technique is Technique.RAMAN:
            light += self.brightness * sample_profile(shift, self.sample.axis, self.sample.intensity)
        light += self.fluorescence * fluorescence_profile(shift)
        return electron_rate(light, wavelength_nm, chip) * self._efficiency(wavelength_nm)

    def emission_rate(self, wavelength_nm: FloatArray, chip: Chip) -> FloatArray:
        """Return electrons per s for each pixel: a calibration lamp's lines, wherever the laser is."""
        if not self.lamp:
            return np.zeros(wavelength_nm.shape)
        light = emission_profile(self.axis.seen(wavelength_nm), self.lamp)
        return light * self._efficiency(wavelength_nm) * chip.typical_electrons / TYPICAL_LINE_S

    def lamp_rate(self, wavelength_nm: FloatArray, chip: Chip) -> FloatArray:
        """Return electrons per s for each pixel: the instrument's lamp seen through the sample.

        An absorbance A lets 10^−A of the lamp through (Beer–Lambert); beyond its axis end values are held.
        """
        light = lamp_profile(wavelength_nm)
        if self.sample is not None and self.sample.technique is Technique.FTIR:
            wavenumber = 1e7 / self.axis.stretched(wavelength_nm) + self.axis.shift_cm1
            absorbance = np.interp(wavenumber, self.sample.axis, self.sample.intensity)
            light *= 10.0 ** -np.clip(self.brightness * absorbance, 0.0, 6.0)
        return light * self._efficiency(wavelength_nm) * chip.typical_electrons / TYPICAL_LAMP_S

    def light(self, lamp: str | None) -> None:
        """Light a calibration lamp, ``neon``, ``argon`` or ``neon+argon``; None or nothing puts it out."""
        try:
            self.lamp = parse_lamp(lamp or "")
        except ValueError as error:
            raise SceneError(f"lamp: {error}") from error

    def respond(self, text: str) -> None:
        """Take a response by its name or from a file; an empty text for the same everywhere."""
        try:
            self.response = Response.named(text) if text else None
        except ValueError as error:
            raise SceneError(str(error)) from error

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
        for name, low, high in (("brightness", 0.0, 1000.0), ("fluorescence", 0.0, 1000.0)):
            if name in message:
                setattr(self, name, number(message, name, low, high))
        self.axis.set({name: number(message, name, *LIMITS[name]) for name in LIMITS if name in message})
        for name, take in (("lamp", self.light), ("response", self.respond)):
            if name in message:
                take(_text(message, name))

    def state(self) -> dict[str, Any]:
        """Return what stands before the probe as JSON values."""
        return {
            "sample": self.sample_name,
            "brightness": self.brightness,
            "fluorescence": self.fluorescence,
            "lamp": "+".join(self.lamp) or None,
            "response": self.response.name if self.response else None,
            **self.axis.state(),
        }

    def _efficiency(self, wavelength_nm: FloatArray) -> FloatArray | float:
        return self.response.of(wavelength_nm) if self.response is not None else 1.0


def _text(message: dict[str, Any], name: str) -> str:
    value = message[name]
    if value is not None and not isinstance(value, str):
        raise SceneError(f"{name}: a name, or null for none")
    return value or ""


def number(message: dict[str, Any], name: str, low: float, high: float) -> float:
    """Return a number of a control message; raises `SceneError` outside low..high."""
    value = message[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SceneError(f"{name}: a number from {low:g} to {high:g}")
    return float(value)
