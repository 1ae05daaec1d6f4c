"""The kinds of damage of the mutation bar: each changes valid bytes, and says which of them it touched."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_HUGE = (
    *(b"1e999", b"-1e308", b"1e308", b"99999999", b"4294967296", b"18446744073709551616", b"9" * 39),
    *(b"9" * 400, b"nan", b"inf", b"-0", b"1e-320", b"S999999", b"2147483647", b"0e9999", b"0E+999"),
)
_VALUES = (b"", b"0", b"-1", b"1e999", b"99999999", b"1048576", b"nan", b"text", b"?", b"0.0000001", b"2")
#: Header of a binary file, as far as its fields are changed at random, bytes.
BINARY_HEAD = 1024
#: Longest input made, bytes.
LONGEST = 1 << 20


@dataclass(slots=True)
class Damage:
    """Bytes under damage."""

    data: bytearray
    """What has become of them."""
    touched: list[tuple[int, int]]
    """Where, in the bytes as they were, from and to; exact only for the first damage."""

    def replace(self, start: int, end: int, piece: bytes) -> None:
        """Put other bytes in a place."""
        self.data[start:end] = piece
        del self.data[LONGEST:]
        self.touched.append((start, end))


Kind = Callable[[random.Random, Damage, Sequence[bytes]], None]


def mutated(rng: random.Random, seed: bytes, others: Sequence[bytes], kind: str) -> Damage:
    """Return a seed with one to four damages of a kind; half of all have one.

    Parameters
    ----------
    rng
        The same state gives the same damage.
    seed
        A valid file.
    others
        Valid files to splice with.
    kind
        One of `KINDS`.
    """
    damage = Damage(bytearray(seed), [])
    for _ in range(1 if rng.random() < 0.5 else rng.randint(2, 4)):
        if damage.data:
            KINDS[kind](rng, damage, others)
    return damage


def _flip(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    at = rng.randrange(len(damage.data))
    damage.replace(at, at + 1, bytes([damage.data[at] ^ 1 << rng.randrange(8)]))


def _delete(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    at = rng.randrange(len(damage.data))
    damage.replace(at, min(at + 1 + int(rng.expovariate(1 / 16)), len(damage.data)), b"")


def _duplicate(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    at = rng.randrange(len(damage.data))
    piece = bytes(damage.data[at : at + 1 + int(rng.expovariate(1 / 24))])
    damage.replace(at, at, piece * (1 if rng.random() < 0.9 else rng.choice((2, 64, 1024))))


def _truncate(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    damage.replace(rng.randrange(len(damage.data)), len(damage.data), b"")


def _splice(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    other = rng.choice(others)
    at = rng.randrange(len(damage.data))
    start = min(at, len(other)) if rng.random() < 0.5 else rng.randrange(len(other))
    damage.replace(at, len(damage.data), other[start:])


def _digit(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    start = rng.randrange(len(damage.data))
    found = re.compile(rb"\d").search(damage.data, start) or re.compile(rb"\d").search(damage.data)
    if found is None:
        _flip(rng, damage, others)
        return
    damage.replace(found.start(), found.end(), str(rng.randrange(10)).encode())


def _huge(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    start = rng.randrange(len(damage.data))
    found = _NUMBER.search(damage.data, start) if rng.random() < 0.7 else None
    if found is None:
        damage.replace(start, start, rng.choice(_HUGE))
    else:
        damage.replace(found.start(), found.end(), rng.choice(_HUGE))


def _header(rng: random.Random, damage: Damage, others: Sequence[bytes]) -> None:
    if b"\0" in damage.data[:BINARY_HEAD]:
        _binary_header(rng, damage)
        return
    lines = _header_lines(bytes(damage.data))
    if not lines:
        _huge(rng, damage, others)
        return
    start, end = rng.choice(lines)
    line = bytes(damage.data[start:end])
    cut = next((line.index(mark) + 1 for mark in (b"=", b":", b";", b",", b"\t") if mark in line), len(line))
    choice = rng.randrange(5)
    if choice == 0:
        damage.replace(start, end + 1, b"")
    elif choice == 1:
        damage.replace(start, start, line + b"\n")
    elif choice == 2:
        other = rng.choice(lines)
        damage.replace(start + cut, end, bytes(damage.data[other[0] : other[1]]).partition(b"=")[2])
    else:
        damage.replace(start + cut, end, rng.choice(_VALUES))


def _binary_header(rng: random.Random, damage: Damage) -> None:
    size = rng.choice((1, 2, 4, 8))
    at = rng.randrange(max(min(BINARY_HEAD, len(damage.data)) - size, 1))
    value = rng.choice((0, 1, (1 << 8 * size) - 1, 1 << (8 * size - 1), rng.getrandbits(8 * size)))
    damage.replace(at, at + size, value.to_bytes(size, "little"))


def _header_lines(data: bytes) -> list[tuple[int, int]]:
    """Return where the lines above the numbers stand: none of them begins with a digit."""
    found, start = [], 0
    for line in data[: 1 << 15].split(b"\n")[:200]:
        if line.strip() and not line.lstrip()[:1].isdigit():
            found.append((start, start + len(line)))
        start += len(line) + 1
    return found


#: Kinds of damage by name.
KINDS: dict[str, Kind] = {
    "bits flipped": _flip,
    "bytes deleted": _delete,
    "bytes duplicated": _duplicate,
    "cut off": _truncate,
    "two files spliced": _splice,
    "digits changed": _digit,
    "huge numbers": _huge,
    "header fields changed": _header,
}
