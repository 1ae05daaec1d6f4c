"""Sequence numbers of recorded Ocean Binary Protocol frames, changed to those of a living client.

A driver counts the field ``regarding`` up from a random number and believes only answers that repeat it. So a
replay lets a client's number differ from the recorded one and writes it into the recorded answers; MD5
checksums that were right are right again, damage stays damage.
"""

import hashlib
import struct
from collections.abc import Iterator

from ..obp_frames import FOOTER, MIN_FRAME, START, ChecksumType

_REGARDING = slice(12, 16)
_CHECKSUM_TYPE, _REMAINING = 22, slice(40, 44)
_HEADER = 44
_MD5 = 16


class Restamper:
    """Which recorded sequence number stands for which of the client's."""

    def __init__(self) -> None:
        self._living: dict[bytes, bytes] = {}

    def free_positions(self, written: bytes) -> frozenset[int]:
        """Return where a client's bytes may differ: sequence numbers and the checksums over them."""
        free: set[int] = set()
        for start, end in _frames(written):
            free.update(range(start + _REGARDING.start, start + _REGARDING.stop))
            if end is not None and written[start + _CHECKSUM_TYPE] == ChecksumType.MD5:
                free.update(range(*_md5_range(end)))
        return frozenset(free)

    def learn(self, recorded: bytes, written: bytes) -> None:
        """Take down the numbers of a question, as recorded and as the client wrote it."""
        for start, _ in _frames(recorded):
            self._living[recorded[start:][_REGARDING]] = written[start:][_REGARDING]

    def stamped(self, answers: bytes) -> bytes:
        """Return recorded answers with the client's numbers; numbers it never wrote stay."""
        stamped = bytearray(answers)
        for start, end in _frames(answers):
            living = self._living.get(answers[start:][_REGARDING])
            if living is None:
                continue
            stamped[start + _REGARDING.start : start + _REGARDING.stop] = living
            if end is None or answers[start + _CHECKSUM_TYPE] != ChecksumType.MD5:
                continue
            first, last = _md5_range(end)
            if _md5(answers[start:first]) == answers[first:last]:
                stamped[first:last] = _md5(stamped[start:first])
        return bytes(stamped)


def _frames(data: bytes) -> Iterator[tuple[int, int | None]]:
    """Yield where frames begin and end; None for an end that never came."""
    at = data.find(START)
    while at >= 0:
        if len(data) < at + _REGARDING.stop:
            return
        end = None
        if len(data) >= at + _HEADER:
            (remaining,) = struct.unpack("<I", data[at:][_REMAINING])
            last = at + _HEADER + remaining
            if remaining >= MIN_FRAME - _HEADER and data[last - len(FOOTER) : last] == FOOTER:
                end = last
        yield at, end
        at = data.find(START, end or at + len(START))


def _md5_range(end: int) -> tuple[int, int]:
    return end - len(FOOTER) - _MD5, end - len(FOOTER)


def _md5(body: bytes | bytearray) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()
