"""What differs between the spectrometers that speak the Ocean Binary Protocol.

Source of every number: the vendor's SeaBreeze library (MIT), ``features/spectrometer/*.cpp``, and
python-seabreeze ``pyseabreeze/devices.py``. Where the two differ the narrower limit stands.
"""

from dataclasses import dataclass

from ..errors import DeviceURLError
from ..interfaces import SpectrometerLimits
from ..obp_frames import MessageType


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
    metadata_bytes: int = 0
    """Bytes before the first pixel."""
    pixel_dtype: str = "<u2"
    """How a pixel is written."""
    buffered: bool = False
    """True where spectra come through a buffer that may hold old ones."""
    binning: bool = False
    """True where the device can bin pixels."""

    @property
    def limits(self) -> SpectrometerLimits:
        """What the device can do."""
        low, high = self.exposure_min_us / 1e6, self.exposure_max_us / 1e6
        return SpectrometerLimits(self.pixels, low, high, self.saturation_counts)

    @property
    def spectrum_bytes(self) -> int:
        """Bytes of one spectrum's data."""
        return self.metadata_bytes + self.pixels * int(self.pixel_dtype[-1])


_NOW = MessageType.CORRECTED_SPECTRUM
_MODELS = (
    ObpModel("STS", 1024, 16383.0, 10, 85_000_000, _NOW, binning=True),
    ObpModel("Spark", 1024, 16383.0, 10, 85_000_000, _NOW, binning=True),
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
    ),
    ObpModel("FX", 2136, 65535.0, 6000, 10_000_000, _NOW),
    ObpModel("HDX", 2068, 65535.0, 6000, 10_000_000, _NOW),
)
_BY_NAME = {model.name.upper().replace(" ", ""): model for model in _MODELS} | {"FLAMEX": _MODELS[3]}


def obp_model(name: str) -> ObpModel:
    """Find a model by name; case, spaces and hyphens do not matter.

    Raises
    ------
    DeviceURLError
        No such model.
    """
    model = _BY_NAME.get(name.upper().replace(" ", "").replace("-", "").replace("_", ""))
    if model is None:
        known = ", ".join(sorted({m.name.replace(" ", "") for m in _MODELS}))
        raise DeviceURLError(f"no OBP model {name!r}; write model= one of {known}")
    return model
