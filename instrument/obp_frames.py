"""Ocean Binary Protocol frames: message numbers, an encoder and an incremental parser.

Pure: bytes in, messages out; no port, no clock. Sources of the layout: data sheet "Ventana" (Ocean Optics)
pages 9–12 and the vendor's SeaBreeze library, ``OBPMessage.cpp``.

One frame, little-endian: 44 bytes of header, payload, 16 bytes of checksum, 4 bytes of footer. An operand of
up to 16 bytes travels inside the header ("immediate"), a longer one as payload, never both.
"""

import hashlib
import struct
from dataclasses import dataclass
from enum import StrEnum

from .obp_numbers import NO_FLAGS, ChecksumType, ErrorNumber, Flag, MessageType

__all__ = [
    "FIRST_VERSION",
    "FOOTER",
    "IMMEDIATE_SIZE",
    "MAX_PAYLOAD",
    "MIN_FRAME",
    "NO_FLAGS",
    "START",
    "VERSION",
    "ChecksumType",
    "ErrorNumber",
    "Flag",
    "FrameError",
    "FrameFault",
    "FrameParser",
    "Message",
    "MessageType",
    "encode",
]

START = b"\xc1\xc0"
FOOTER = b"\xc5\xc4\xc3\xc2"
#: Protocol version spoken by both public clients.
VERSION = 0x1100
#: First published version, still accepted by devices.
FIRST_VERSION = 0x1000
#: Largest operand that travels inside the header, bytes.
IMMEDIATE_SIZE = 16
#: Largest payload believed, bytes; a larger number in a header is damage, not data.
MAX_PAYLOAD = 1 << 20

_HEADER = struct.Struct("<2sHHHII6sBB16sI")
_TAIL_SIZE = 16 + len(FOOTER)
#: Shortest frame: header, checksum and footer, bytes.
MIN_FRAME = _HEADER.size + _TAIL_SIZE


@dataclass(frozen=True, slots=True)
class Message:
    """One frame, without its wrapping."""

    type: int
    """Message number, see `MessageType`; unknown numbers are kept."""
    operand: bytes = b""
    """Immediate data or payload, whichever the frame carried."""
    flags: Flag = NO_FLAGS
    """Flag bits."""
    error: int = 0
    """0 in requests and good answers; see `ErrorNumber`."""
    regarding: int = 0
    """Number chosen by the host and echoed by the device, 0..2³²−1."""
    checksum: ChecksumType = ChecksumType.NONE
    """What the checksum bytes hold."""
    version: int = VERSION
    """Protocol version of the frame."""


class FrameFault(StrEnum):
    """What was wrong with bytes that are not a frame."""

    GARBAGE = "garbage"
    """Bytes outside any frame; told once for each uninterrupted run."""
    LENGTH = "length"
    """The header contradicts itself about the operand's length."""
    TOO_LARGE = "too_large"
    """The header announces more than the parser believes."""
    CHECKSUM_TYPE = "checksum_type"
    """A checksum nobody defined."""
    FOOTER = "footer"
    """The frame does not end where the header says."""
    CHECKSUM = "checksum"
    """The MD5 in the frame is not the MD5 of the frame."""


@dataclass(frozen=True, slots=True)
class FrameError:
    """Bytes that are not a frame: an event, not an exception, for the reader decides what it means."""

    fault: FrameFault
    """What was wrong."""
    type: int | None = None
    """Message number of the damaged frame; None where there was no header."""
    regarding: int | None = None
    """Its sequence number; None where there was no header."""
    version: int | None = None
    """Its protocol version; None where there was no header."""


def encode(message: Message) -> bytes:
    """Return the frame of a message.

    Raises
    ------
    ValueError
        The operand is longer than `MAX_PAYLOAD`, or a number does not fit its field.
    """
    operand = message.operand
    if len(operand) > MAX_PAYLOAD:
        raise ValueError(f"an operand of {len(operand)} bytes is longer than {MAX_PAYLOAD}")
    immediate, payload = (operand, b"") if len(operand) <= IMMEDIATE_SIZE else (b"", operand)
    try:
        header = _HEADER.pack(
            START,
            message.version,
            message.flags,
            message.error,
            message.type,
            message.regarding,
            bytes(6),
            message.checksum,
            len(immediate),
            immediate,
            len(payload) + _TAIL_SIZE,
        )
    except struct.error as error:
        raise ValueError(
            f"a number of message 0x{message.type:08X} does not fit its field: {error}"
        ) from None
    body = header + payload
    return body + (_md5(body) if message.checksum == ChecksumType.MD5 else bytes(16)) + FOOTER


class FrameParser:
    """Turn bytes into messages, whatever the pieces they come in.

    The events depend only on the bytes, not on how they were cut. After damage the parser looks for the
    next start bytes, inside the damaged frame too, so that a frame cut short does not swallow its
    successor. When a header announces more bytes than ever come, the parser waits: its owner has a
    deadline, then calls `reset`.
    """

    def __init__(self, *, max_payload: int = MAX_PAYLOAD) -> None:
        self._max_payload = min(max_payload, MAX_PAYLOAD)
        self._buffer = bytearray()
        self._in_garbage = False
        self.discarded = 0
        """Bytes thrown away since the start."""

    @property
    def pending(self) -> int:
        """Number of bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def reset(self) -> None:
        """Forget an incomplete frame."""
        self.discarded += len(self._buffer)
        self._buffer.clear()
        self._in_garbage = False

    def feed(self, data: bytes | bytearray | memoryview) -> list[Message | FrameError]:
        """Take in bytes and return what they complete, in order."""
        self._buffer += data
        events: list[Message | FrameError] = []
        while self._seek_start(events) and len(self._buffer) >= _HEADER.size:
            if not self._take_frame(events):
                break
        return events

    def _seek_start(self, events: list[Message | FrameError]) -> bool:
        """Drop bytes before the next start bytes; return whether there are start bytes."""
        at = self._buffer.find(START)
        drop = at if at >= 0 else len(self._buffer) - (self._buffer[-1:] == START[:1])
        if drop:
            self._drop(drop)
            if not self._in_garbage:
                self._in_garbage = True
                events.append(FrameError(FrameFault.GARBAGE))
        return at >= 0

    def _take_frame(self, events: list[Message | FrameError]) -> bool:
        """Consume the frame at the head of the buffer; return False when it is not complete."""
        fields = _HEADER.unpack_from(self._buffer)
        _, version, flags, error, kind, regarding, _, checksum, used, immediate, remaining = fields
        payload_size = remaining - _TAIL_SIZE
        fault = self._header_fault(checksum, used, payload_size)
        end = _HEADER.size + remaining
        if fault is None:
            if len(self._buffer) < end:
                return False
            frame = bytes(self._buffer[:end])
            fault = _frame_fault(frame, checksum)
        if fault is not None:
            events.append(FrameError(fault, kind, regarding, version))
            self._drop(end if fault is FrameFault.CHECKSUM else len(START))
            self._in_garbage = fault is not FrameFault.CHECKSUM
            return True
        operand = frame[_HEADER.size : end - _TAIL_SIZE] if payload_size else immediate[:used]
        events.append(Message(kind, operand, Flag(flags), error, regarding, ChecksumType(checksum), version))
        del self._buffer[:end]
        self._in_garbage = False
        return True

    def _header_fault(self, checksum: int, used: int, payload_size: int) -> FrameFault | None:
        if used > IMMEDIATE_SIZE or payload_size < 0 or (used and payload_size):
            return FrameFault.LENGTH
        if payload_size > self._max_payload:
            return FrameFault.TOO_LARGE
        if checksum not in (ChecksumType.NONE, ChecksumType.MD5):
            return FrameFault.CHECKSUM_TYPE
        return None

    def _drop(self, count: int) -> None:
        self.discarded += count
        del self._buffer[:count]


def _frame_fault(frame: bytes, checksum: int) -> FrameFault | None:
    if not frame.endswith(FOOTER):
        return FrameFault.FOOTER
    if checksum == ChecksumType.MD5 and frame[-_TAIL_SIZE : -len(FOOTER)] != _md5(frame[:-_TAIL_SIZE]):
        return FrameFault.CHECKSUM
    return None


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()
