"""Hostile inputs from valid ones: bytes changed, cut, moved and multiplied; numbers pushed to their ends."""

import random
import re
from collections.abc import Callable, Sequence

#: Longest input made, bytes: what is bounded in a parser is bounded far below or far above it.
LONGEST = 1 << 16
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_INTERESTING = bytes([0, 1, 9, 10, 13, 32, 34, 39, 44, 59, 61, 92, 127, 128, 192, 193, 239, 254, 255])
_NUMBERS = (
    *(b"0", b"-0", b"-1", b"1e999", b"-1e999", b"nan", b"inf", b"-inf", b"1e-320", b"1e308"),
    *(b"4294967296", b"18446744073709551616", b"9" * 40, b"9" * 400, b"9" * 5000, b"0x10", b"1_000"),
    *(b"1,5", b"", b"+", b".", b"1.", b"\xd9\xa3", b"\xc2\xb2", b"true", b"null"),
)
#: Pieces that mean something to one parser or another.
_TOKENS = (
    *(b"\n", b"\r\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1a", b";", b",", b"\t", b"=", b":"),
    *(b"##", b"$$", b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b"%00", b"%", b"&", b"?"),
    *(b"#", b"#0", b"#9", b"#9999999999", b"<td", b"</td>", b"<", b">", b"&amp;", b"..", b"/", b"://"),
    *(
        b"\xc1\xc0",
        b"\xc5\xc4\xc3\xc2",
        b"OK",
        b"NAK&",
        b"ACK&",
        b"Syntax error",
        b"-113,",
        b"\xf0\x9f\x92\xa9",
    ),
)

Mutate = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a hostile input: mostly a seed with one to eight changes, sometimes bytes of no origin.

    Parameters
    ----------
    rng
        The same state gives the same input.
    seeds
        Valid inputs, at least one.
    """
    if rng.random() < 0.05:
        return rng.randbytes(min(int(rng.expovariate(1 / 64)), 4096))
    data = bytearray(rng.choice(seeds))
    for _ in range(min(1 + int(rng.expovariate(0.7)), 8)):
        rng.choice(_MUTATIONS)(rng, data, seeds)
        if len(data) > LONGEST:
            del data[LONGEST:]
    return bytes(data)


def _place(rng: random.Random, data: bytearray) -> int:
    return rng.randrange(len(data) + 1)


def _flip(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(_INTERESTING)


def _insert(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = _place(rng, data)
    data[at:at] = rng.randbytes(1 + rng.randrange(8))


def _token(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = _place(rng, data)
    data[at : at + rng.randrange(2)] = rng.choice(_TOKENS)


def _delete(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = _place(rng, data)
    del data[at : at + 1 + int(rng.expovariate(1 / 8))]


def _cut(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del data[_place(rng, data) :]


def _repeat(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at, size = _place(rng, data), 1 + int(rng.expovariate(1 / 16))
    times = 2 if rng.random() < 0.9 else rng.choice((16, 256, 1024))
    data[at:at] = bytes(data[at : at + size]) * times


def _move(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at, size = _place(rng, data), 1 + int(rng.expovariate(1 / 16))
    piece = bytes(data[at : at + size])
    del data[at : at + size]
    to = _place(rng, data)
    data[to:to] = piece


def _splice(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    at = _place(rng, data)
    data[at:] = other[rng.randrange(len(other) + 1) :]


def _number(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    start = _place(rng, data)
    found = _NUMBER.search(data, start) or _NUMBER.search(data)
    if found is not None:
        data[found.start() : found.end()] = rng.choice(_NUMBERS)


def _swap_lines(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    lines = data.split(b"\n")
    if len(lines) > 1:
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        data[:] = b"\n".join(lines)


def _word(rng: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """Overwrite two, four or eight bytes with a number at its end, as binary headers hold them."""
    size = rng.choice((2, 4, 8))
    if len(data) >= size:
        at = rng.randrange(len(data) - size + 1)
        value = rng.choice((0, 1, (1 << 8 * size) - 1, 1 << (8 * size - 1), rng.getrandbits(8 * size)))
        data[at : at + size] = value.to_bytes(size, "little")


_MUTATIONS: tuple[Mutate, ...] = (
    *(_flip, _flip, _set, _insert, _token, _token, _delete, _cut, _repeat, _move, _splice),
    *(_number, _number, _swap_lines, _word),
)
