"""Spectra that come out of a device's buffer: taking several, and what stands before and after each.

QE Pro: 32 bytes of metadata, then u32 counts; the metadata's layout is that of the vendor's sample
``demo-qepro-api.c``. FX: 64 bytes of metadata, u16 counts, a u32 checksum; what the metadata hold and how the
checksum is computed is not published, so neither is looked at (unproven).
"""

import struct
from dataclasses import dataclass

import numpy as np

from spectra.values import FloatArray, frozen_array

from ..errors import ProtocolError

#: Bytes before and after the counts of one spectrum of the FX's buffer (SeaBreeze,
#: ``OBPReadNumberOfRawSpectraWithMetadataExchange.cpp``).
FAST_METADATA, FAST_CHECKSUM = 64, 4
_METADATA = struct.Struct("<IQIHB13x")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a QE Pro says of one spectrum."""

    number: int
    """Number of the spectrum, counted by the device."""
    ticks: int
    """Clock of the device; unit unproven."""
    exposure_us: int
    """Exposure it was taken with, µs."""
    trigger: int
    """Trigger mode it was taken in."""

    @classmethod
    def of(cls, data: bytes) -> "Metadata":
        """Read the 32 bytes before the counts."""
        number, ticks, exposure_us, _, trigger = _METADATA.unpack_from(data)
        return cls(number, ticks, exposure_us, trigger)


def counts_of(data: bytes, *, offset: int, pixels: int, dtype: str, name: str) -> FloatArray:
    """Return the counts of one spectrum, shape (pixels,), read-only.

    Raises
    ------
    ProtocolError
        The spectrum has another length than the model's.
    """
    due = offset + pixels * int(np.dtype(dtype).itemsize)
    if len(data) != due:
        raise ProtocolError(f"{name}: a spectrum of {len(data)} bytes instead of {due}")
    return frozen_array(np.frombuffer(data, dtype=dtype, offset=offset), name="counts")


def fast_spectra(data: bytes, count: int, *, pixels: int, name: str) -> list[FloatArray]:
    """Return the counts of the spectra of one FX answer, each of shape (pixels,), read-only.

    Raises
    ------
    ProtocolError
        They are not as many as were asked for.
    """
    size = FAST_METADATA + 2 * pixels + FAST_CHECKSUM
    if len(data) != count * size:
        raise ProtocolError(f"{name}: {len(data)} bytes instead of {count} spectra of {size}")
    pieces = (data[at : at + size - FAST_CHECKSUM] for at in range(0, len(data), size))
    return [counts_of(piece, offset=FAST_METADATA, pixels=pixels, dtype="<u2", name=name) for piece in pieces]


def check_metadata(
    found: Metadata, before: Metadata | None, *, exposure_us: int, trigger: int, name: str
) -> None:
    """Make sure that a spectrum is new and was taken as asked for.

    Raises
    ------
    ProtocolError
        It has another exposure or trigger, or is not the one after the spectrum before it.
    """
    if found.exposure_us != exposure_us:
        raise ProtocolError(
            f"{name}: a spectrum of {found.exposure_us} µs of exposure, asked for were {exposure_us}"
        )
    if found.trigger != trigger:
        raise ProtocolError(f"{name}: a spectrum of trigger mode {found.trigger}, asked for was {trigger}")
    if before is not None and found.number <= before.number:
        raise ProtocolError(f"{name}: spectrum {found.number} after spectrum {before.number}: not a new one")
