"""The conversation of the OBP emulator with one client: frames in, replies out, exposures in between."""

import time
from collections import deque
from dataclasses import replace

from ..obp_frames import (
    FIRST_VERSION,
    FOOTER,
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
from .fault_source import ANY, DATA
from .obp_buffer import MOST_AT_ONCE, Taken
from .obp_device import ObpDevice
from .obp_models import TRIGGER_DISABLED
from .obp_table import ObpTable, Refusal
from .obp_teaching import SIMULATE_TRIGGER
from .wire import Wire

#: Longest request believed, bytes; calibration uploads are the largest.
MAX_REQUEST = 1 << 16
#: An incomplete frame is forgotten after this silence, so that a client that died leaves nothing behind, s.
SILENCE_S = 0.25
#: Time between two looks for a trigger pulse, s.
_LOOK_S = 0.02
#: What a reply of the wrong type claims to be: the first, or the second where the first was asked for.
_OTHER_TYPES = (MessageType.SERIAL_NUMBER, MessageType.PIXEL_COUNT)

_FAULT_ERRORS = {
    FrameFault.CHECKSUM: ErrorNumber.BAD_CHECKSUM,
    FrameFault.CHECKSUM_TYPE: ErrorNumber.UNKNOWN_CHECKSUM_TYPE,
    FrameFault.TOO_LARGE: ErrorNumber.TOO_LARGE,
    FrameFault.LENGTH: ErrorNumber.WRONG_LENGTH,
}

Event = Message | FrameError


class ObpSession:
    """Serve one client until it is gone."""

    def __init__(self, device: ObpDevice, table: ObpTable, wire: Wire) -> None:
        self._device, self._table, self._wire = device, table, wire
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
        command = request.type in self._table.commands
        # A command is answered only when asked for; an answer nobody waits for spoils the next query.
        answered = not command or bool(request.flags & Flag.ACK_REQUESTED)
        try:
            operand = self._table.carry_out(request.type, request.operand)
        except Refusal as refusal:
            if answered:
                await self._refuse(request, refusal.error)
            return
        if answered:
            await self._reply(request, operand)
        # The acknowledgement still goes at the old speed; what the hardware does is unproven.
        self._device.line_baud = self._device.set.baud

    async def _acquire(self, request: Message) -> None:
        """Answer a request for spectra with kept ones, else with one exposed now."""
        device = self._device
        several = request.type == MessageType.BUFFERED_RAW_SPECTRA
        if len(request.operand) != (4 if several else 0):
            await self._refuse(request, ErrorNumber.WRONG_LENGTH)
            return
        wanted = int.from_bytes(request.operand, "little") if several else 1
        if not 1 <= wanted <= MOST_AT_ONCE:
            await self._refuse(request, ErrorNumber.INVALID_DATA)
            return
        buffered = several or request.type == MessageType.BUFFERED_SPECTRUM_32
        kept = device.buffer.take(wanted) if buffered else []
        if not kept and device.set.trigger == TRIGGER_DISABLED:
            await self._refuse(request, ErrorNumber.NOT_READY)
            return
        taken = kept or await self._take_now(corrected=request.type == MessageType.CORRECTED_SPECTRUM)
        if taken:
            await self._reply(request, _operand(request.type, taken), DATA)

    async def _take_now(self, *, corrected: bool) -> list[Taken]:
        """Wait for the trigger, expose, and return the spectrum; nothing when it was aborted."""
        device = self._device
        device.exposing += 1
        try:
            if device.set.trigger in device.model.waiting_modes and not await self._pulse():
                return []
            if device.delay_s and not await self._wait(device.delay_s):
                return []
            exposure = device.begin()
            done = await self._wait(exposure.real_s)
            return [device.finish(exposure, corrected=corrected)] if done else []
        finally:
            device.exposing -= 1

    async def _pulse(self) -> bool:
        """Wait for a trigger pulse; return False when the client left or aborted."""
        before = self._device.pulses
        while self._device.pulses == before:
            if not await self._wait(_LOOK_S):
                return False
            for event in [e for e in self._events if isinstance(e, Message) and e.type == SIMULATE_TRIGGER]:
                self._events.remove(event)
                await self._carry_out(event)
        return True

    async def _wait(self, seconds: float) -> bool:
        """Wait; return False when the client left or aborted the acquisition.

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

    async def _reply(self, request: Message, operand: bytes, kind: str = ANY) -> None:
        acknowledged = Flag.ACK if request.flags & Flag.ACK_REQUESTED else NO_FLAGS
        good = self._frame(request, operand, Flag.RESPONSE | acknowledged)
        other = replace(request, type=_OTHER_TYPES[request.type == _OTHER_TYPES[0]])
        await self._wire.reply(
            good,
            kind=kind,
            refusal=lambda error: self._frame(
                request, b"", Flag.RESPONSE | Flag.NACK, ErrorNumber.NOT_READY if error is None else error
            ),
            wrong=self._frame(other, operand, Flag.RESPONSE | acknowledged),
            checksum_damage=_with_bad_checksum(good) if self._checksum(request) else None,
        )

    def _checksum(self, request: Message) -> ChecksumType:
        return ChecksumType(self._device.set.checksum or request.checksum)

    def _frame(self, request: Message, operand: bytes, flags: Flag, error: int = 0) -> bytes:
        version = request.version if request.version in (VERSION, FIRST_VERSION) else VERSION
        return encode(
            Message(
                type=request.type,
                operand=operand,
                flags=flags,
                error=error & 0xFFFF,
                regarding=request.regarding,
                checksum=self._checksum(request),
                version=version,
            )
        )


def _operand(kind: int, taken: list[Taken]) -> bytes:
    """Return spectra in the layout of a message number."""
    if kind == MessageType.BUFFERED_RAW_SPECTRA:
        return b"".join(one.with_metadata_64() for one in taken)
    one = taken[0]
    return one.with_metadata_32() if kind == MessageType.BUFFERED_SPECTRUM_32 else one.plain_u16()


def _with_bad_checksum(frame: bytes) -> bytes:
    at = len(frame) - len(FOOTER) - 1
    return frame[:at] + bytes([frame[at] ^ 0xFF]) + frame[at + 1 :]
