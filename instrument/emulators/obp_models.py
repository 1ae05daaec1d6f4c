"""Facts of the emulated Ocean Optics models.

Pixels, full scale, exposure limits and product ids: SeaBreeze, ``features/spectrometer/*.cpp`` and
``devices/*.cpp``, and python-seabreeze ``devices.py``. Every model is given the same Raman grating here,
about 250–2350 cm⁻¹ at 785 nm, so that each can stand on an emulated bench; noise figures are typical of the
chip class. Dark pixels of the FX, and which trigger modes of the QE Pro wait for a pulse, were chosen.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..obp_numbers import MessageType
from .physics import Chip

# Polynomial over pixel · 1023 / (pixels − 1): 800.7 nm (250 cm⁻¹) to 962.9 nm (2354 cm⁻¹), slightly curved as
# a grating spectrograph is.
_GRATING_NM = (800.7, 0.165, -6.2e-6, -1.0e-10)
_GRATING_PIXELS = 1024


class SpectrumLayout(IntEnum):
    """How a spectrum reply is laid out."""

    U16 = 16
    """Counts as u16."""
    META32_U32 = 32
    """32 bytes of metadata, then counts as u32."""


@dataclass(frozen=True, slots=True)
class ObpModel:
    """One model."""

    name: str
    """As the command line and python-seabreeze name it."""
    pixels: int
    """Pixels of a spectrum without binning."""
    chip: Chip
    """Detector."""
    exposure_us: tuple[int, int]
    """Shortest and longest exposure, µs."""
    product_id: int
    """USB product id."""
    layout: SpectrumLayout = SpectrumLayout.U16
    """Layout of its spectrum message."""
    blind: tuple[tuple[int, int], ...] = ()
    """Optical dark pixels, which see no light: first and last of each range."""
    unlit: tuple[tuple[int, int], ...] = ()
    """Electric dark pixels, which have not even dark current: first and last of each range."""
    trigger_modes: tuple[int, ...] = (0, 1, 2)
    """Trigger modes it takes."""
    waiting_modes: tuple[int, ...] = (1,)
    """Trigger modes in which it waits for a pulse."""
    fast_buffer: bool = False
    """Whether several raw spectra come in one reply."""
    max_binning: int = 0
    """Largest binning factor."""
    cooler: bool = False
    """Whether it has a thermo-electric cooler."""
    laser: bool = False
    """Whether it contains a laser."""

    @property
    def spectrum_types(self) -> tuple[int, ...]:
        """Message numbers answered with spectra."""
        if self.layout is SpectrumLayout.META32_U32:
            return (MessageType.BUFFERED_SPECTRUM_32,)
        plain = (MessageType.CORRECTED_SPECTRUM, MessageType.RAW_SPECTRUM)
        return (*plain, MessageType.BUFFERED_RAW_SPECTRA) if self.fast_buffer else plain

    @property
    def active(self) -> tuple[tuple[int, int], ...]:
        """Pixels that see light: first and last of each range."""
        ends = sorted([*self.blind, *self.unlit, (self.pixels, self.pixels)])
        firsts = (0, *(last + 1 for _, last in ends[:-1]))
        pairs = zip(firsts, (first - 1 for first, _ in ends), strict=True)
        return tuple((first, last) for first, last in pairs if first <= last)

    @property
    def nonlinearity(self) -> tuple[float, ...]:
        """Polynomial to divide baseline-subtracted counts by, as the device's 32-bit floats.

        Chosen: half a percent too much at half of full scale, two percent too little at full scale.
        """
        at_full_scale = (1.0, 0.03, -0.05, 0.0, 0.0, 0.0, 0.0, 0.0)
        scale = float(self.chip.full_scale)
        return tuple(float(np.float32(c / scale**power)) for power, c in enumerate(at_full_scale))

    @property
    def coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial over the pixel number, nm, as the device's 32-bit floats."""
        scale = (_GRATING_PIXELS - 1) / (self.pixels - 1)
        return tuple(float(np.float32(c * scale**power)) for power, c in enumerate(_GRATING_NM))


_CMOS_14_BIT = Chip(
    full_scale=16383, electrons_per_count=6.0, bias=600.0, read_noise=18.0, dark_rate=800.0, pattern=6.0
)
_LINEAR_16_BIT = Chip(
    full_scale=65535, electrons_per_count=1.5, bias=1200.0, read_noise=18.0, dark_rate=400.0, pattern=12.0
)
_COOLED_18_BIT = Chip(
    full_scale=200_000, electrons_per_count=1.5, bias=1800.0, read_noise=8.0, dark_rate=4.0, pattern=8.0
)
_STS_LIMITS = (10, 85_000_000)
#: Trigger mode in which the device gives no spectrum at all.
TRIGGER_DISABLED = 255
_FAST_TRIGGERS = (0, 1, 3, TRIGGER_DISABLED)

MODELS = {
    model.name: model
    for model in (
        ObpModel("STS", 1024, _CMOS_14_BIT, _STS_LIMITS, 0x4000, max_binning=3),
        ObpModel("SPARK", 1024, _CMOS_14_BIT, _STS_LIMITS, 0x4200, max_binning=3),
        ObpModel(
            "QEPRO",
            1044,
            _COOLED_18_BIT,
            (8000, 1_600_000_000),
            0x4004,
            layout=SpectrumLayout.META32_U32,
            blind=((0, 3), (1040, 1043)),
            trigger_modes=(0, 1, 2, 3),
            waiting_modes=(1, 2, 3),
            cooler=True,
        ),
        ObpModel("VENTANA", 1024, _LINEAR_16_BIT, (22_000, 60_000_000), 0x5000, laser=True),
        ObpModel(
            "FX",
            2136,
            _LINEAR_16_BIT,
            (10, 10_000_000),
            0x2001,
            blind=((12, 27),),
            unlit=((0, 11),),
            trigger_modes=_FAST_TRIGGERS,
            waiting_modes=(1, 3),
            fast_buffer=True,
        ),
        ObpModel(
            "HDX",
            2068,
            _LINEAR_16_BIT,
            (6000, 10_000_000),
            0x2003,
            trigger_modes=_FAST_TRIGGERS,
            waiting_modes=(1, 3),
            fast_buffer=True,
        ),
    )
}
