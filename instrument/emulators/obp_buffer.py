"""The memory for spectra in an emulated OBP device, and how spectra leave it.

Message numbers and the sizes of the metadata are public (python-seabreeze, ``devices.py``; SeaBreeze,
``OBPMessageTypes.h``); what stands where in the metadata, the checksum's kind, and what happens when the
memory is full are unproven and were chosen here.
"""

import struct
import zlib
from collections import deque
from dataclasses import dataclass

from spectra.values import FloatArray

from ..obp_numbers import MessageType
from .obp_table import ObpTable, Within

#: Spectra the memory can hold; chosen.
CAPACITY = 1000
#: Most spectra in one reply; chosen, the frames of devices are bounded.
MOST_AT_ONCE = 15
_QEPRO_METADATA, _FAST_METADATA = 32, 64
_PIXELS_U16 = 2


@dataclass(frozen=True, slots=True)
class Taken:
    """A spectrum as the device keeps it."""

    number: int
    """Spectra taken before it and with it."""
    start_us: int
    """When its exposure began, device clock, µs."""
    exposure_us: int
    """Exposure of one accumulation, µs."""
    averages: int
    """Accumulations it is the mean of."""
    counts: FloatArray
    """Whole numbers, shape (pixels,)."""
    trigger: int = 0
    """Trigger mode it was taken in."""

    def plain_u16(self) -> bytes:
        """Return the counts alone."""
        return self.counts.astype("<u2").tobytes()

    def with_metadata_32(self) -> bytes:
        """Return 32 bytes of metadata and the counts as u32, as a QE Pro does."""
        # The trigger mode stands at byte 18: vendor sample demo-qepro-api.c.
        head = struct.pack("<IQIHB", self.number, self.start_us, self.exposure_us, 0, self.trigger)
        return head.ljust(_QEPRO_METADATA, b"\0") + self.counts.astype("<u4").tobytes()

    def with_metadata_64(self) -> bytes:
        """Return 64 bytes of metadata, the counts as u16 and a CRC-32 over both, as an FX does."""
        pixels = self.plain_u16()
        head = struct.pack(
            "<HHIQIIIIIH",
            1,
            _FAST_METADATA,
            len(pixels),
            self.start_us,
            self.exposure_us,
            _PIXELS_U16,
            self.number,
            self.number,
            self.start_us & 0xFFFFFFFF,
            self.averages,
        )
        body = head.ljust(_FAST_METADATA, b"\0") + pixels
        return body + struct.pack("<I", zlib.crc32(body))


class SpectrumBuffer:
    """First in, first out; the oldest spectrum makes room when it is full."""

    def __init__(self) -> None:
        self.enabled, self.capacity = 0, CAPACITY
        self._taken: deque[Taken] = deque()

    def put(self, taken: Taken) -> None:
        """Keep a spectrum."""
        self._taken.append(taken)
        while len(self._taken) > self.capacity:
            self._taken.popleft()

    def take(self, count: int = 1) -> list[Taken]:
        """Take out the oldest, as many as there are and at most so many."""
        return [self._taken.popleft() for _ in range(min(count, len(self._taken)))]

    def power_on(self) -> None:
        """Be as after power-on: empty and off."""
        self.enabled, self.capacity = 0, CAPACITY
        self._taken.clear()

    def __len__(self) -> int:
        return len(self._taken)

    def teach(self, table: ObpTable) -> None:
        """Fill the table's part of the memory."""
        types = MessageType
        table.setting(types.GET_BUFFERING, types.SET_BUFFERING, "<B", lambda: self, "enabled", (0, 1))
        table.constant(types.BUFFER_CAPACITY_MAX, struct.pack("<I", CAPACITY))
        table.setting(
            types.GET_BUFFER_CAPACITY,
            types.SET_BUFFER_CAPACITY,
            "<I",
            lambda: self,
            "capacity",
            Within(1, CAPACITY),
        )
        table.number(types.BUFFERED_COUNT, "<I", lambda: len(self))
        table.command(types.CLEAR_BUFFER, self._taken.clear)
        table.commands[types.REMOVE_OLDEST] = (4, self._remove)

    def _remove(self, operand: bytes) -> bytes:
        self.take(struct.unpack("<I", operand)[0])
        return b""
