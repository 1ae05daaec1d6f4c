"""ZIP files of exactly one form: members stored as they are, in the order of their names, without a clock.

Every program opens them, equal members give equal bytes on every machine (a compressor would not), and
whatever differs from that form by a bit is refused: nothing can hide in them, unfold or point elsewhere.
Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import EvidenceDamaged

#: Most members of a file (chosen; the evidence of one result has some twenty).
MAX_MEMBERS = 2000

#: Longest name of a member, characters (chosen).
MAX_NAME = 160

#: Bytes of a file read at a time.
_PIECE = 1 << 20

Bytes = bytes | memoryview

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*(/[A-Za-z0-9][A-Za-z0-9._@-]*)*")
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_SIZE = 30
#: 1 January 1980, the first day there is in a ZIP file.
_DAY_ONE = 0x21
#: A plain file that its owner and all others may read, as made on Unix.
_UNIX, _READABLE = (3 << 8) | 20, 0o100444 << 16


@dataclass(frozen=True, slots=True)
class _Member:
    name: bytes
    size: int
    crc: int
    offset: int


def write_zip(members: Mapping[str, Bytes | Path]) -> bytes:
    """Return a ZIP file of some members; equal members give equal bytes.

    Raises
    ------
    ValueError
        A name is none, or there are too many members.
    """
    return b"".join(zip_pieces(members))


def zip_pieces(members: Mapping[str, Bytes | Path]) -> Iterator[Bytes]:
    """Yield a ZIP file piece by piece; a member may be a file, which is never in memory whole.

    Raises
    ------
    ValueError
        A name is none, there are too many members, or a file changed meanwhile.
    """
    if len(members) > MAX_MEMBERS:
        raise ValueError(f"{len(members)} members are more than {MAX_MEMBERS}")
    told: list[_Member] = []
    offset = 0
    for name in sorted(members):
        if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
            raise ValueError(f"{name!r:.80} is no name of a member")
        size, crc = _measured(members[name])
        told.append(_Member(name.encode("ascii"), size, crc, offset))
        head = _local(told[-1])
        yield head
        written = 0
        for piece in _pieces(members[name]):
            written += len(piece)
            yield piece
        if written != size:
            raise ValueError(f"{name} changed while it was read")
        offset += len(head) + size
    yield _tail(told, offset)


def read_zip(data: Bytes, *, limit: int) -> dict[str, memoryview]:
    """Return the members of a ZIP file as parts of its bytes; nothing is copied, nothing is written to disk.

    Parameters
    ----------
    data
        The file.
    limit
        Most bytes it may have.

    Raises
    ------
    EvidenceDamaged
        It is not what `write_zip` makes of its members, to the last bit.
    """
    view = memoryview(data)
    if view.nbytes > limit:
        raise EvidenceDamaged(f"{view.nbytes} bytes are more than the {limit} such a file may have")
    found: dict[str, memoryview] = {}
    told: list[_Member] = []
    offset = 0
    while view[offset : offset + 4] == _LOCAL:
        member, start = _member(view, offset)
        if (told and member.name <= told[-1].name) or len(told) == MAX_MEMBERS:
            raise EvidenceDamaged("its members are not in order, or too many")
        content = view[start : start + member.size]
        if content.nbytes != member.size or zlib.crc32(content) != member.crc:
            raise EvidenceDamaged(f"its member {member.name.decode()!r} is cut off or was altered")
        found[member.name.decode()] = content
        told.append(member)
        offset = start + member.size
    if view[offset:] != _tail(told, offset):
        raise EvidenceDamaged("it is cut off, was altered, or was made by another program")
    return found


def _measured(data: Bytes | Path) -> tuple[int, int]:
    size = crc = 0
    for piece in _pieces(data):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    return size, crc


def _pieces(data: Bytes | Path) -> Iterator[Bytes]:
    if not isinstance(data, Path):
        yield memoryview(data).cast("B")
        return
    with data.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _member(view: memoryview, offset: int) -> tuple[_Member, int]:
    """Read the head of a member, and return where its content begins."""
    head = bytes(view[offset : offset + _LOCAL_SIZE])
    if len(head) < _LOCAL_SIZE:
        raise EvidenceDamaged("it is cut off")
    crc, size, _, length = struct.unpack_from("<IIIH", head, 14)
    start = offset + _LOCAL_SIZE + length
    name = bytes(view[offset + _LOCAL_SIZE : start])
    if length > MAX_NAME or not _NAME.fullmatch(name.decode("ascii", "replace")):
        raise EvidenceDamaged("a name of its members is none")
    member = _Member(name, size, crc, offset)
    if view[offset:start] != _local(member):
        raise EvidenceDamaged("its members are compressed, or it was made by another program")
    return member, start


def _local(member: _Member) -> bytes:
    fixed = struct.pack(
        "<HHHHHIIIHH", 20, 0, 0, 0, _DAY_ONE, member.crc, member.size, member.size, len(member.name), 0
    )
    return _LOCAL + fixed + member.name


def _tail(members: list[_Member], offset: int) -> bytes:
    central = b"".join(_entry(member) for member in members)
    count = len(members)
    return central + _END + struct.pack("<HHHHIIH", 0, 0, count, count, len(central), offset, 0)


def _entry(member: _Member) -> bytes:
    sizes = (member.crc, member.size, member.size, len(member.name))
    fixed = struct.pack("<HHHHHHIIIH", _UNIX, 20, 0, 0, 0, _DAY_ONE, *sizes)
    return _CENTRAL + fixed + struct.pack("<HHHHII", 0, 0, 0, 0, _READABLE, member.offset) + member.name
