"""What faults make of a file that a program saves: a wire damages a byte, a disk a whole place."""

from .fault_source import FaultSource, Reply
from .faults import Fault, FaultKind
from .spoiling import spoiled

#: Bytes of a damaged place in a file.
DAMAGE = 64


def damaged(reply: Reply, fault: Fault | None, source: FaultSource) -> bytes:
    """Return a file that a bad disk or a full one left behind."""
    data = reply.data
    if fault is None:
        return data
    if fault.kind is FaultKind.CORRUPT:
        return _inverted(data, len(data) // 2)
    if fault.kind is FaultKind.BAD_FOOTER:
        return _inverted(data, len(data) - DAMAGE)
    return spoiled(reply, fault, source)


def _inverted(data: bytes, at: int) -> bytes:
    at = max(at, 0)
    place = bytes(byte ^ 0xFF for byte in data[at : at + DAMAGE])
    return data[:at] + place + data[at + len(place) :]
