"""What faults make of the bytes of a reply."""

from .fault_source import FaultSource, Reply
from .faults import Fault, FaultKind

#: Size of the pieces of a fragmented reply, bytes.
PIECE = 7


def spoiled(reply: Reply, fault: Fault, source: FaultSource) -> bytes:
    """Return what is sent instead of a reply; kinds that do not change bytes leave it as it is."""
    data, middle = reply.data, len(reply.data) // 2
    match fault.kind:
        case FaultKind.DROP:
            return b""
        case FaultKind.GARBAGE:
            return source.noise() + data
        case FaultKind.GARBAGE_INSIDE:
            return data[:middle] + source.noise() + data[middle:]
        case FaultKind.CORRUPT:
            return _inverted(data, middle)
        case FaultKind.BAD_FOOTER:
            return _inverted(data, len(data) - 1)
        case FaultKind.BAD_CHECKSUM:
            damage = reply.checksum_damage
            return (damage() if callable(damage) else damage) or data
        case FaultKind.TRUNCATE:
            return data[:middle]
        case FaultKind.WRONG_TYPE:
            return reply.wrong or data
        case FaultKind.DUPLICATE:
            return data + data
        case FaultKind.STALE:
            return source.before(reply) + (b"" if fault.value == 1 else data)
        case FaultKind.NACK:
            return (reply.refusal(fault.number) if callable(reply.refusal) else reply.refusal) or data
        case _:
            return data


def _inverted(data: bytes, at: int) -> bytes:
    """Invert all bits of one byte: in a text that is no character any more."""
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 1]) + data[at + 1 :]
