"""The emulator's end of a wire to one client, with line time and injected faults."""

import asyncio
from collections.abc import Callable

from .fault_source import ANY, FaultSource, Refusal, Reply
from .faults import FaultKind
from .line_time import LineTime
from .spoiling import PIECE, spoiled

__all__ = ["LineTime", "PowerCut", "Unplugged", "Wire"]

_READ_SIZE = 1 << 16
_SLICE_S = 0.02
#: Pause between the pieces of a fragmented reply, s, and the most pieces.
_PIECE_PAUSE_S, _MOST_PIECES = 0.001, 100
#: A client that does not take its last bytes for so long does not get them, s.
FLUSH_S = 1.0


class Unplugged(Exception):
    """The injected fault cut the connection; `seconds` later it comes back."""

    def __init__(self, seconds: float = 1.0) -> None:
        super().__init__(f"unplugged for {seconds:g} s")
        self.seconds = seconds


class PowerCut(Unplugged):
    """The injected fault took the device's power away."""


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
            data = self._line.heard(data)
        return data

    async def read_within(self, seconds: float) -> bytes | None:
        """Return the next bytes, or None when none came in time."""
        try:
            return await asyncio.wait_for(self.read(), max(seconds, 0.0))
        except TimeoutError:
            return None

    async def reply(
        self,
        data: bytes,
        *,
        refusal: Refusal | None = None,
        kind: str = ANY,
        wrong: bytes | None = None,
        checksum_damage: bytes | Callable[[], bytes] | None = None,
    ) -> None:
        """Send a reply, or what a fault makes of it.

        Parameters
        ----------
        data : bytes
            The reply.
        refusal : bytes or callable, optional
            What the device says when it refuses instead; a function of the error number (None: one that
            fits) where the protocol has numbers.
        kind : str
            ``"data"`` for a spectrum or another measurement, else ``"any"``.
        wrong : bytes, optional
            The reply to another question.
        checksum_damage : bytes or callable, optional
            The reply with a wrong checksum, where it carries one.

        Raises
        ------
        Unplugged
            The fault was to cut the connection or, `PowerCut`, the power.
        """
        reply = Reply(data, kind, refusal, wrong, checksum_damage)
        fault = self.faults.draw(reply)
        if fault is not None:
            data = spoiled(reply, fault, self.faults)
        self.faults.remember(reply)
        if fault is None:
            await self.send(data)
        elif fault.kind is FaultKind.DISCONNECT:
            raise Unplugged(fault.seconds)
        elif fault.kind is FaultKind.POWER_CUT:
            raise PowerCut(fault.seconds)
        elif fault.kind is FaultKind.FRAGMENT:
            await self._send_fragments(data)
        else:
            if fault.kind is FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
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

    async def _send_fragments(self, data: bytes) -> None:
        # A pause takes longer than was asked for, so a long reply comes in longer pieces.
        size = max(PIECE, -(-len(data) // _MOST_PIECES))
        for at in range(0, len(data), size):
            await self.send(data[at : at + size])
            await asyncio.sleep(_PIECE_PAUSE_S)

    async def _send_slowly(self, data: bytes, line: LineTime) -> None:
        await asyncio.sleep(self._owed_s)
        self._owed_s = 0.0
        size = max(1, int(_SLICE_S / line.seconds(1)))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            await asyncio.sleep(line.seconds(len(piece)))
            self._writer.write(line.heard(piece))
            await self._writer.drain()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._writer.wait_closed(), FLUSH_S)
        except TimeoutError:
            self.cut()
        except ConnectionError:
            return

    def cut(self) -> None:
        """Cut the connection; what was not sent yet is lost."""
        self._writer.transport.abort()
