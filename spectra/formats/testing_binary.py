"""Encoders of binary sample files: part of the test kit `testing`.

Written from the formats' descriptions (see the readers' docstrings) and sharing no code with the readers.
"""

import struct
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..values import FloatArray, Technique
from .testing_sample import ABSORBANCE, COUNTS, EVEN, LASER_NM, POINTS, UNEVEN, SampleFile

#: Bits of the first byte of an SPC file.
_SHORT, _MULTI, _LABELS, _OWN_X, _X_VALUES = 1, 4, 32, 64, 128
_THREE = (COUNTS, COUNTS[::-1].copy(), 3 * COUNTS)


def encode_spc(
    x: FloatArray,
    curves: Sequence[FloatArray],
    *,
    x_type: int = 13,
    y_type: int = 4,
    flags: int = 0,
    exponent: int = -128,
    order: str = "<",
    experiment: int = 0,
    labels: bytes = b"",
    log: bytes = b"",
) -> bytes:
    """Encode a new SPC file; ``exponent`` −128 means single precision, otherwise integers are written."""
    flags |= _MULTI if len(curves) > 1 else 0
    body, places = b"", []
    if flags & _X_VALUES and not flags & _OWN_X:
        body += x.astype(f"{order}f4").tobytes()
    for n, y in enumerate(curves):
        points = x.size if flags & _OWN_X else 0
        places.append(512 + len(body))
        body += struct.pack(f"{order}BbHfffIIf4x", 0, exponent, n, n, n + 1, 0, points, 0, 0)
        if flags & _OWN_X:
            body += x.astype(f"{order}f4").tobytes()
        body += _spc_numbers(y, exponent, short=bool(flags & _SHORT), order=order)
    end = 512 + len(body)
    directory = flags & _OWN_X and len(curves) > 1
    head = struct.pack(
        f"{order}BBBbIddIBBBBI9s9sH32x130s30sII",
        flags, 0x4B if order == "<" else 0x4C, experiment, exponent, end if directory else x.size,
        x[0], x[-1], len(curves), x_type, y_type, 0, 0, 0, b"4", b"made up", 0, b"sample", labels,
        end if log else 0, 0,
    )  # fmt: skip
    ends = [*places[1:], end]
    entries = [struct.pack(f"{order}IIf", a, b - a, 0) for a, b in zip(places, ends, strict=True)]
    tail = b"".join(entries) if directory else b""
    if log:
        tail = struct.pack(f"{order}IIIII44x", 64 + len(log) + 1, 4096, 64, 0, 0) + log + b"\0"
    return head.ljust(512, b"\0") + body + tail


def encode_old_spc(x: FloatArray, curves: Sequence[FloatArray], exponent: int) -> bytes:
    """Encode an SPC file of the old format: 32-bit integers, the upper word of each first."""
    several = len(curves) > 1
    head = struct.pack(
        "<BBhfffBBHBBBB8sHH28x130s30s",
        _MULTI if several else 0, 0x4D, exponent, x.size, x[0], x[-1], 13, 4, 1993, 5, 24, 10, 32, b"4", 0, 1,
        b"sample", b"",
    )  # fmt: skip
    for n, y in enumerate(curves):
        integers = np.round(y * 2.0 ** (32 - exponent)).astype("<i4").view("<u2").reshape(-1, 2)
        head += struct.pack("<BbHfffIIf4x", 0, exponent if several else 0, n, n, n, 0, 0, 0, 0)
        head += integers[:, ::-1].tobytes()
    return head


def encode_spa(x: FloatArray, y: FloatArray, *, x_unit: int = 1, y_unit: int = 17) -> bytes:
    """Encode an OMNIC spectrum with its description, its numbers and a history."""
    sections = (
        (2, struct.pack("<IIIIff", 3, x.size, x_unit, y_unit, x[0], x[-1]).ljust(140, b"\0")),
        (27, b"made up\0"),
        (3, y.astype("<f4").tobytes()),
        (130, bytes(64)),
    )
    head = b"Spectral Data File\r\n".ljust(30, b"\0") + b"sample".ljust(256, b"\0")
    head = head.ljust(294, b"\0") + struct.pack("<HI", len(sections), 3_000_000_000)
    head = head.ljust(304, b"\0")
    at, entries, body = 560, b"", b""
    for kind, held in sections:
        entries += struct.pack("<HII6x", kind, at, len(held))
        body += held
        at += len(held)
    return (head + entries).ljust(560, b"\0") + body


def encode_wdf(
    x: FloatArray, curves: Sequence[FloatArray], *, x_unit: int = 1, room: int | None = None
) -> bytes:
    """Encode a WiRE file; ``room`` is that of a map that was not finished."""
    room = room or len(curves)
    head = struct.pack("<4sIQ", b"WDF1", 1, 512).ljust(60, b"\0")
    head += struct.pack("<IQQIIII24s4H", x.size, room, len(curves), 2, 1, x.size, 0, b"WiRE", 5, 5, 0, 1)
    head = head.ljust(152, b"\0") + struct.pack("<If48x32s160s", 6, 1e7 / LASER_NM, b"nobody", b"sample")
    numbers = b"".join(y.astype("<f4").tobytes() for y in curves)
    blocks = (
        (b"DATA", numbers.ljust(4 * x.size * room, b"\0")),
        (b"YLST", struct.pack("<IIf", 4, 16, 0)),
        (b"XLST", struct.pack("<II", 1, x_unit) + x.astype("<f4").tobytes()),
        (b"TEXT", b"made up"),
    )
    packed = b"".join(struct.pack("<4sIQ", name, 0, 16 + len(held)) + held for name, held in blocks)
    return head.ljust(512, b"\0") + packed


def encode_sp(x: FloatArray, y: FloatArray, *, x_label: bytes = b"cm-1", y_label: bytes = b"A") -> bytes:
    """Encode a Perkin-Elmer spectrum at even steps, with the range of its numbers."""

    def block(number: int, held: bytes) -> bytes:
        return struct.pack("<HI", number, len(held)) + held

    def words(text: bytes) -> bytes:
        return struct.pack("<HH", 0x7523, len(text)) + text

    held = block(35698, struct.pack("<Hdd", 0x751D, x[0], x[-1]))
    held += block(35699, struct.pack("<Hdd", 0x751D, y.min(), y.max()))
    held += block(35701, struct.pack("<Hi", 0x752B, x.size))
    held += block(35703, words(x_label)) + block(35704, words(y_label)) + block(35713, words(b"sample"))
    held += block(35708, struct.pack("<HI", 0x7516, 8 * y.size) + y.astype("<f8").tobytes())
    return b"PEPE2D constant interval DataSet file".ljust(44, b"\0") + block(120, held)


def _spc_numbers(y: FloatArray, exponent: int, *, short: bool, order: str) -> bytes:
    if exponent == -128:
        return y.astype(f"{order}f4").tobytes()
    bits = 16 if short else 32
    return np.round(y * 2.0 ** (bits - exponent)).astype(f"{order}i{bits // 8}").tobytes()


def _spc(
    name: str, x: FloatArray = EVEN, curves: Sequence[FloatArray] = (COUNTS,), **options: object
) -> SampleFile:
    data = encode_spc(x, curves, **options)  # type: ignore[arg-type]
    return SampleFile(f"spc {name}", "GRAMS SPC", data, x, tuple(curves), Technique.RAMAN)


def _spc_descending() -> SampleFile:
    data = encode_spc(EVEN[::-1], (ABSORBANCE[::-1],), x_type=1, y_type=2)
    return SampleFile("spc absorbance, descending", "GRAMS SPC", data, EVEN, (ABSORBANCE,), Technique.FTIR)


def _spc_logged() -> SampleFile:
    log = b"Laser=Laser: 785 nm edge\r\nOperator=nobody\r\n"
    data = encode_spc(UNEVEN, (COUNTS,), x_type=1, flags=_X_VALUES, experiment=11, log=log)
    return SampleFile(
        "spc with a log", "GRAMS SPC", data, UNEVEN, (COUNTS,), Technique.RAMAN, laser_nm=LASER_NM
    )


def _spc_asking() -> SampleFile:
    nanometres = 1e7 / (1e7 / LASER_NM - EVEN)
    data = encode_spc(nanometres, (COUNTS,), x_type=3, flags=_X_VALUES)
    return SampleFile(
        "spc in nm", "GRAMS SPC", data, EVEN, (COUNTS,), Technique.RAMAN,
        asks=True, laser_nm=LASER_NM, give_laser_nm=LASER_NM, tolerance=1e-5,
    )  # fmt: skip


def _old_spc(*curves: FloatArray) -> SampleFile:
    data = encode_old_spc(EVEN, curves, 16)
    return SampleFile(f"old spc, {len(curves)}", "GRAMS SPC", data, EVEN, curves, Technique.RAMAN)


def _spa() -> SampleFile:
    data = encode_spa(EVEN[::-1], ABSORBANCE[::-1])
    return SampleFile("spa absorbance", "OMNIC SPA", data, EVEN, (ABSORBANCE,), Technique.FTIR)


def _spa_percent() -> SampleFile:
    percent = 100 * 10**-ABSORBANCE
    data = encode_spa(EVEN[::-1], percent[::-1], y_unit=16)
    return SampleFile("spa per cent", "OMNIC SPA", data, EVEN, (ABSORBANCE,), Technique.FTIR, tolerance=1e-5)


def _sp() -> SampleFile:
    data = encode_sp(EVEN[::-1], ABSORBANCE[::-1])
    return SampleFile("sp absorbance", "Perkin-Elmer SP", data, EVEN, (ABSORBANCE,), Technique.FTIR)


def _wdf(*curves: FloatArray, room: int | None = None) -> SampleFile:
    data = encode_wdf(UNEVEN[::-1], [y[::-1] for y in curves], room=room)
    laser = 1e7 / float(np.float32(1e7 / LASER_NM))
    name = f"wdf, {len(curves)} in room for {room or len(curves)}"
    return SampleFile(name, "Renishaw WDF", data, UNEVEN, curves, Technique.RAMAN, laser_nm=laser)


#: One sample each; calling makes it.
BINARY_SAMPLES: tuple[Callable[[], SampleFile], ...] = (
    partial(_spc, "single precision"),
    partial(_spc, "32-bit integers", exponent=14),
    partial(_spc, "16-bit integers", exponent=16, flags=_SHORT),
    partial(_spc, "uneven", UNEVEN, flags=_X_VALUES),
    partial(_spc, "three over one uneven axis", UNEVEN, _THREE, flags=_X_VALUES),
    partial(_spc, "three with axes of their own", UNEVEN, _THREE, flags=_X_VALUES | _OWN_X, exponent=16),
    partial(_spc, "most significant byte first", order=">", exponent=16),
    partial(_spc, "labelled", x_type=0, y_type=0, flags=_LABELS, labels=b"Raman Shift (cm-1)\0Counts\0"),
    _spc_descending,
    _spc_logged,
    _spc_asking,
    partial(_old_spc, COUNTS),
    partial(_old_spc, *_THREE),
    _spa,
    _spa_percent,
    _sp,
    partial(_wdf, COUNTS),
    partial(_wdf, *_THREE, room=5),
)
#: Points of each sample, for whoever changes a file's counts.
SAMPLE_POINTS = POINTS
