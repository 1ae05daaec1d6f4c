"""The emulator's end of a wire: a pseudo-terminal or a TCP connection, with line time and injected faults."""

import asyncio
import os
import pty
import tty
from collections.abc import Callable
from typing import Self

from .faults import FaultKind, FaultSource

_READ_SIZE = 1 << 16
#: Bits of a byte on a serial line: start, eight data bits, stop.
BITS_PER_BYTE = 10
_SLICE_S = 0.02
#: A client that does not take its last bytes for so long does not get them, s.
FLUSH_S = 1.0


class Unplugged(Exception):
    """The injected fault cut the connection."""


class LineTime:
    """How long bytes take on a serial line whose baud rate the host may change."""

    def __init__(self, baud: Callable[[], int]) -> None:
        self._baud = baud

    def seconds(self, count: int) -> float:
        """Return the time of so many bytes, s."""
        return count * BITS_PER_BYTE / self._baud()


class Wire:
    """Bytes to and from one client."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        line: LineTime | None = None,
        faults: FaultSource | None = None,
    ) -> None:
        self._reader, self._writer, self._line = reader, writer, line
        self.faults = faults or FaultSource()
        self._owed_s = 0.0

    async def read(self) -> bytes:
        """Return the next bytes; empty when the client is gone."""
        try:
            data = await self._reader.read(_READ_SIZE)
        except ConnectionError:
            return b""
        if self._line is not None:
            self._owed_s += self._line.seconds(len(data))
        return data

    async def read_within(self, seconds: float) -> bytes | None:
        """Return the next bytes, or None when none came in time."""
        try:
            return await asyncio.wait_for(self.read(), max(seconds, 0.0))
        except TimeoutError:
            return None

    async def reply(self, data: bytes, *, refusal: bytes | None = None) -> None:
        """Send a reply, or what a fault makes of it; ``refusal`` is what the device says instead of it.

        Raises
        ------
        Unplugged
            The fault was to cut the connection.
        """
        fault = self.faults.draw()
        if fault is not None:
            match fault.kind:
                case FaultKind.DISCONNECT:
                    raise Unplugged
                case FaultKind.DROP:
                    return
                case FaultKind.DELAY:
                    await asyncio.sleep(fault.seconds)
                case FaultKind.GARBAGE:
                    data = self.faults.garbage() + data
                case FaultKind.CORRUPT:
                    data = data[:-1] + bytes([data[-1] ^ 0xFF])
                case FaultKind.TRUNCATE:
                    data = data[: len(data) // 2]
                case FaultKind.NACK:
                    data = data if refusal is None else refusal
        await self.send(data)

    async def send(self, data: bytes) -> None:
        """Send bytes at the speed of the line; a client that left is no error."""
        try:
            if self._line is None:
                self._writer.write(data)
                await self._writer.drain()
            else:
                await self._send_slowly(data, self._line)
        except ConnectionError:
            return

    async def _send_slowly(self, data: bytes, line: LineTime) -> None:
        await asyncio.sleep(self._owed_s)
        self._owed_s = 0.0
        size = max(1, int(_SLICE_S / line.seconds(1)))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            await asyncio.sleep(line.seconds(len(piece)))
            self._writer.write(piece)
            await self._writer.drain()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._writer.wait_closed(), FLUSH_S)
        except TimeoutError:
            self._writer.transport.abort()
        except ConnectionError:
            return


class PtyPort:
    """A pseudo-terminal in raw mode; its client opens `path` like a serial port.

    The slave side stays open here too: without that, the last client's close would give the emulator EIO.
    """

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._reading: asyncio.BaseTransport | None = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return streams on the emulator's side."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_READ_SIZE)
        read_end = os.fdopen(os.dup(self._master), "rb", buffering=0)
        self._reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), read_end
        )
        write_end = os.fdopen(os.dup(self._master), "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), write_end
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def close(self) -> None:
        """Unplug."""
        if self._reading is not None:
            self._reading.close()
        for fd in (self._master, self._slave):
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
