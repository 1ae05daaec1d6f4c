"""What differs between the spectrometers that speak the Ocean Binary Protocol.

Source of every number: the vendor's SeaBreeze library (MIT), ``features/spectrometer/*.cpp``, and
python-seabreeze ``pyseabreeze/devices.py``. Where the two differ the narrower limit stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..errors import DeviceURLError
from ..interfaces import SpectrometerLimits
from ..obp_frames import MessageType

#: Trigger of a device that exposes when it is asked to; the number is the same in every model.
FREE_RUNNING = "free running"


def _trigger(**numbers: int) -> Mapping[int, str]:
    words = {number: word.replace("_", " ") for word, number in numbers.items()}
    return MappingProxyType({0: FREE_RUNNING, **words})


#: Data sheet "Ventana" page 16; SeaBreeze gives STS and Spark the same.
_TRIGGERS_SMALL = _trigger(external_edge=1, internal=2)
#: python-seabreeze ``devices.py``, ``TriggerMode.OBP_*``.
_TRIGGERS_LARGE = _trigger(external_edge=1, external_level=3, disabled=255)
#: SeaBreeze, ``QEProSpectrometerFeature.cpp`` and ``SpectrometerTriggerMode.h``.
_TRIGGERS_QEPRO = _trigger(external_level=1, external_synchronisation=2, external_edge=3)


@dataclass(frozen=True, slots=True)
class ObpModel:
    """One model."""

    name: str
    """As the vendor writes it."""
    pixels: int
    """Pixels of one spectrum, without binning."""
    saturation_counts: float
    """Full scale, counts."""
    exposure_min_us: int
    """Shortest exposure, µs."""
    exposure_max_us: int
    """Longest exposure, µs."""
    spectrum: MessageType
    """Message that takes and returns a spectrum."""
    exposure_step_us: int = 1
    """Exposures are multiples of it, µs."""
    metadata_bytes: int = 0
    """Bytes before the first pixel."""
    pixel_dtype: str = "<u2"
    """How a pixel is written."""
    buffered: bool = False
    """True where every spectrum comes through a buffer that may hold old ones."""
    buffer: MessageType | None = None
    """Message that reads spectra out of a buffer; None where it has none that we know."""
    max_binning: int = 0
    """Largest binning factor f; 2^f pixels become one."""
    cooler: bool = False
    """True where the detector has a thermo-electric cooler."""
    laser: bool = False
    """True where it contains a laser."""
    triggers: Mapping[int, str] = field(default_factory=lambda: _TRIGGERS_SMALL)
    """Trigger modes: number on the wire and what it means."""

    @property
    def limits(self) -> SpectrometerLimits:
        """What the device can do."""
        low, high = self.exposure_min_us / 1e6, self.exposure_max_us / 1e6
        return SpectrometerLimits(self.pixels, low, high, self.saturation_counts)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel."""
        return int(np.dtype(self.pixel_dtype).itemsize)

    def spectrum_bytes(self, binning: int = 0) -> int:
        """Return the bytes of one spectrum's data."""
        return self.metadata_bytes + (self.pixels >> binning) * self.pixel_bytes


_NOW = MessageType.CORRECTED_SPECTRUM
_MODELS = (
    ObpModel("STS", 1024, 16383.0, 10, 85_000_000, _NOW, max_binning=3),
    ObpModel("Spark", 1024, 16383.0, 10, 85_000_000, _NOW, max_binning=3),
    ObpModel(
        "QE Pro",
        1044,
        200_000.0,
        8000,
        1_600_000_000,
        MessageType.BUFFERED_SPECTRUM_32,
        metadata_bytes=32,
        pixel_dtype="<u4",
        buffered=True,
        buffer=MessageType.BUFFERED_SPECTRUM_32,
        cooler=True,
        triggers=_TRIGGERS_QEPRO,
    ),
    ObpModel("Ventana", 1024, 65535.0, 22_000, 60_000_000, _NOW, exposure_step_us=1000, laser=True),
    ObpModel(
        "FX",
        2136,
        65535.0,
        6000,
        10_000_000,
        _NOW,
        buffer=MessageType.BUFFERED_RAW_SPECTRA,
        triggers=_TRIGGERS_LARGE,
    ),
    ObpModel("HDX", 2068, 65535.0, 6000, 10_000_000, _NOW, triggers=_TRIGGERS_LARGE),
)


def _plain(name: str) -> str:
    return name.upper().replace(" ", "").replace("-", "").replace("_", "")


_BY_NAME = {_plain(model.name): model for model in _MODELS} | {"FLAMEX": _MODELS[4]}


def obp_model(name: str) -> ObpModel:
    """Find a model by name; case, spaces and hyphens do not matter.

    Raises
    ------
    DeviceURLError
        No such model.
    """
    model = _BY_NAME.get(_plain(name))
    if model is None:
        known = ", ".join(sorted({m.name.replace(" ", "") for m in _MODELS}))
        raise DeviceURLError(f"no OBP model {name!r}; write model= one of {known}")
    return model


def names_laser_model(name: str) -> bool:
    """Whether a name is that of a model with a laser; false for names nobody knows."""
    model = _BY_NAME.get(_plain(name))
    return model is not None and model.laser
