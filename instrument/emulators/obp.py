"""The conversation of the OBP emulator with one client: frames in, replies out, exposures in between."""

import time
from collections import deque

from ..obp_frames import (
    FIRST_VERSION,
    NO_FLAGS,
    VERSION,
    ChecksumType,
    ErrorNumber,
    Flag,
    FrameError,
    FrameFault,
    FrameParser,
    Message,
    MessageType,
    encode,
)
from .obp_device import ObpDevice, Refusal
from .wire import Wire

#: Longest request believed, bytes; calibration uploads are the largest.
MAX_REQUEST = 1 << 16
#: An incomplete frame is forgotten after this silence, so that a client that died leaves nothing behind, s.
SILENCE_S = 0.25

_FAULT_ERRORS = {
    FrameFault.CHECKSUM: ErrorNumber.BAD_CHECKSUM,
    FrameFault.CHECKSUM_TYPE: ErrorNumber.UNKNOWN_CHECKSUM_TYPE,
    FrameFault.TOO_LARGE: ErrorNumber.TOO_LARGE,
    FrameFault.LENGTH: ErrorNumber.WRONG_LENGTH,
}

Event = Message | FrameError


class ObpSession:
    """Serve one client until it is gone."""

    def __init__(self, device: ObpDevice, wire: Wire) -> None:
        self._device, self._wire = device, wire
        self._parser = FrameParser(max_payload=MAX_REQUEST)
        self._events: deque[Event] = deque()

    async def run(self) -> None:
        """Answer request after request; requests that come during an exposure wait."""
        while (event := await self._next_event()) is not None:
            if isinstance(event, FrameError):
                await self._refuse_damage(event)
            elif event.version not in (VERSION, FIRST_VERSION):
                await self._refuse(event, ErrorNumber.PROTOCOL_UNSUPPORTED)
            elif event.type in self._device.model.spectrum_types:
                await self._acquire(event)
            else:
                await self._carry_out(event)

    async def _next_event(self) -> Event | None:
        while not self._events:
            data = await (self._wire.read_within(SILENCE_S) if self._parser.pending else self._wire.read())
            if data is None:
                self._parser.reset()
            elif not data:
                return None
            else:
                self._events.extend(self._parser.feed(data))
        return self._events.popleft()

    async def _carry_out(self, request: Message) -> None:
        device = self._device
        command = request.type in device.commands
        entry = device.commands.get(request.type) or device.queries.get(request.type)
        try:
            if entry is None:
                raise Refusal(ErrorNumber.UNKNOWN_TYPE)
            length, handler = entry
            if len(request.operand) != length:
                raise Refusal(ErrorNumber.WRONG_LENGTH)
            operand = handler(request.operand)
        except Refusal as refusal:
            if not command or request.flags & Flag.ACK_REQUESTED:
                await self._refuse(request, refusal.error)
            return
        # A command is answered only when asked for; an answer nobody waits for spoils the next query.
        if not command or request.flags & Flag.ACK_REQUESTED:
            await self._reply(request, operand)

    async def _acquire(self, request: Message) -> None:
        if request.operand:
            await self._refuse(request, ErrorNumber.WRONG_LENGTH)
            return
        exposure = self._device.begin()
        if await self._expose(exposure.real_s):
            await self._reply(request, self._device.spectrum(exposure, request.type))

    async def _expose(self, seconds: float) -> bool:
        """Wait out an exposure; return False when the client left or aborted it.

        What the device does with the request it aborts is not documented: here it stays without an answer.
        """
        end = time.monotonic() + seconds
        while True:
            for event in self._events:
                if isinstance(event, Message) and event.type == MessageType.ABORT_ACQUISITION:
                    return False
            left = end - time.monotonic()
            if left <= 0:
                return True
            data = await self._wire.read_within(left)
            if data == b"":
                return False
            if data:
                self._events.extend(self._parser.feed(data))

    async def _refuse(self, request: Message, error: ErrorNumber) -> None:
        await self._wire.reply(self._frame(request, b"", Flag.RESPONSE | Flag.NACK, error))

    async def _refuse_damage(self, damage: FrameError) -> None:
        error = _FAULT_ERRORS.get(damage.fault)
        if error is not None and damage.type is not None and damage.regarding is not None:
            await self._refuse(Message(damage.type, regarding=damage.regarding), error)

    async def _reply(self, request: Message, operand: bytes) -> None:
        acknowledged = Flag.ACK if request.flags & Flag.ACK_REQUESTED else NO_FLAGS
        refusal = self._frame(request, b"", Flag.RESPONSE | Flag.NACK, ErrorNumber.NOT_READY)
        await self._wire.reply(self._frame(request, operand, Flag.RESPONSE | acknowledged), refusal=refusal)

    def _frame(self, request: Message, operand: bytes, flags: Flag, error: int = 0) -> bytes:
        checksum = ChecksumType(self._device.checksum or request.checksum)
        version = request.version if request.version in (VERSION, FIRST_VERSION) else VERSION
        return encode(
            Message(
                type=request.type,
                operand=operand,
                flags=flags,
                error=error,
                regarding=request.regarding,
                checksum=checksum,
                version=version,
            )
        )
