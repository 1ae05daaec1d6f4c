"""What an OBP device knows of itself: wavelengths, nonlinearity, dark pixels, temperatures."""

import math
import struct
from collections.abc import Sequence

import numpy as np

from spectra.values import FloatArray, frozen_array

from ..errors import ProtocolError
from ..obp_frames import MessageType
from .obp_corrections import PixelRange
from .obp_link import ObpLink
from .obp_refusals import ABSENT

#: The devices hold four wavelength and eight nonlinearity coefficients; more would be damage.
_MAX_COEFFICIENTS = 16
#: More sensors, or more ranges of dark pixels, would be damage: chosen.
_MAX_LIST = 16
_F32 = struct.Struct("<f")


def wavelength_coefficients(link: ObpLink) -> tuple[float, ...]:
    """Return the device's wavelength polynomial, nm, the constant term first; raises `ProtocolError`."""
    kind, what = MessageType.WAVELENGTH_COEFFICIENT, "wavelength"
    count = _count(link, MessageType.WAVELENGTH_COUNT, what)
    if count < 2:
        raise ProtocolError(f"{link.name}: {count} wavelength coefficients give no axis")
    return tuple(_coefficient(link, kind, index, what) for index in range(count))


def nonlinearity_count(link: ObpLink) -> int:
    """Return how many nonlinearity coefficients the device holds."""
    return _count(link, MessageType.NONLINEARITY_COUNT, "nonlinearity")


def nonlinearity_coefficients(link: ObpLink, count: int) -> tuple[float, ...]:
    """Return so many coefficients of the device's nonlinearity polynomial, the constant term first."""
    kind = MessageType.NONLINEARITY_COEFFICIENT
    return tuple(_coefficient(link, kind, index, "nonlinearity") for index in range(count))


def polynomial_axis(coefficients: Sequence[float], pixels: int, *, binning: int = 0) -> FloatArray:
    """Return the wavelength of each pixel, nm, shape (pixels >> binning,), ascending, read-only.

    Pixel p has wavelength Σ cᵢ pⁱ (SeaBreeze, ``OBPWaveCalFeature``); a binned pixel the mean of those it is
    made of (``STSSpectrometerFeature.cpp``, ``getWavelengths``).

    Raises
    ------
    ProtocolError
        The wavelengths do not ascend, or are not above zero.
    """
    axis = np.polynomial.polynomial.polyval(np.arange(pixels, dtype=np.float64), list(coefficients))
    if not np.isfinite(axis).all() or not (np.diff(axis) > 0).all() or axis[0] <= 0:
        raise ProtocolError(f"wavelength coefficients {tuple(coefficients)} give no ascending axis")
    left = pixels >> binning
    return frozen_array(axis[: left << binning].reshape(left, 1 << binning).mean(axis=1), name="axis")


def dark_pixels(link: ObpLink, kind: MessageType, pixels: int) -> tuple[PixelRange, ...]:
    """Return ranges of pixels that see no light; empty where there are none.

    Parameters
    ----------
    kind
        ``OPTICAL_DARK_PIXELS`` or ``ELECTRIC_DARK_PIXELS``.
    pixels
        Number of pixels of the detector.

    Raises
    ------
    ProtocolError
        The answer is no list of ranges within the detector.
    """
    data = link.find(kind, size=8 * _MAX_LIST, absent=ABSENT) or b""
    if len(data) % 8 or len(data) > 8 * _MAX_LIST:
        raise ProtocolError(f"{link.name}: {kind.name} of {len(data)} bytes")
    words = struct.unpack(f"<{len(data) // 4}I", data)
    ranges = tuple(zip(words[::2], words[1::2], strict=True))
    if not all(first <= last < pixels for first, last in ranges):
        raise ProtocolError(f"{link.name}: {kind.name} {ranges}, but there are {pixels} pixels")
    return ranges


def temperatures(link: ObpLink) -> dict[str, float] | None:
    """Return the device's temperatures, °C, by number of the sensor; None where it has no sensor."""
    data = link.find(MessageType.TEMPERATURES, size=4 * _MAX_LIST, absent=ABSENT)
    if data is None:
        return None
    if len(data) % 4 or len(data) > 4 * _MAX_LIST:
        raise ProtocolError(f"{link.name}: temperatures of {len(data)} bytes")
    values = struct.unpack(f"<{len(data) // 4}f", data)
    # A sensor that is not there gives no number; the others are of use all the same.
    return {f"sensor {i}": round(t, 3) for i, t in enumerate(values) if math.isfinite(t)}


def _count(link: ObpLink, kind: MessageType, what: str) -> int:
    answer = link.find(kind, absent=ABSENT)
    if answer is None:
        return 0
    if len(answer) != 1 or answer[0] > _MAX_COEFFICIENTS:
        raise ProtocolError(f"{link.name}: {answer.hex() or 'no'} {what} coefficients")
    return answer[0]


def _coefficient(link: ObpLink, kind: MessageType, index: int, what: str) -> float:
    answer = link.query(kind, bytes([index]))
    if len(answer) != _F32.size:
        raise ProtocolError(f"{link.name}: {what} coefficient {index} has {len(answer)} bytes")
    value = float(_F32.unpack(answer)[0])
    if not math.isfinite(value):
        raise ProtocolError(f"{link.name}: {what} coefficient {index} is {value}")
    return value
