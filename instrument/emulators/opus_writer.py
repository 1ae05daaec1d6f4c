"""Write OPUS files; the layout is in `spectra.formats.opus_blocks`, written here without it."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from spectra.values import FloatArray

from .ftir import LASER_CM1, Measured

MAGIC = b"\n\n\xfe\xfe"
#: What OPUS 6 to 8 write as the version of the format.
VERSION = 920622.0
#: Entries OPUS reserves in a directory.
ROOM = 40
_HEADER_BYTES = 24
# Bits of a block's type: amplitude, beam, kind of parameters (× 16), kind of data (× 1024).
AMPLITUDE, SAMPLE, BACKGROUND, RESULT = 3, 4, 8, 12
DATA, INSTRUMENT, ACQUISITION, TRANSFORM, OPTICS, ORIGIN = (16 * n for n in (1, 2, 3, 4, 6, 10))
SINGLE_CHANNEL, INTERFEROGRAM, ABSORBANCE, TRANSMITTANCE, RAMAN, DIRECTORY = (
    1024 * n for n in (1, 2, 4, 5, 10, 13)
)
_INTEGER, _REAL, _TEXT = 0, 1, 2

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the program says of itself in its files."""

    serial: str
    """Serial number."""
    atr: bool = True
    """Whether the accessory is an ATR crystal."""
    name: str = "ALPHA II (emulated)"
    """Model."""
    more: Mapping[str, Value] = field(default_factory=dict)
    """Further parameters of the acquisition."""


def parameter_block(values: Mapping[str, Value]) -> bytes:
    """Return a block of parameters, ended, a whole number of 32-bit words."""
    data = b""
    for name, value in values.items():
        if isinstance(value, str):
            text = value.encode("latin-1", "replace") + b"\0"
            text += b"\0" * (len(text) % 2)
            kind, held = _TEXT, text
        elif isinstance(value, int):
            kind, held = _INTEGER, struct.pack("<i", value)
        else:
            kind, held = _REAL, struct.pack("<d", value)
        data += struct.pack("<3scHH", name.encode("ascii"), b"\0", kind, len(held) // 2) + held
    data += b"END\0" + bytes(4)
    return data + bytes(-len(data) % 4)


def data_parameters(axis: FloatArray, values: FloatArray, at: float, unit: str = "WN") -> dict[str, Value]:
    """Return the parameters that go with a block of numbers."""
    moment = datetime.fromtimestamp(at, UTC)
    return {
        "DPF": 1,
        "NPT": int(values.size),
        "FXV": float(axis[0]),
        "LXV": float(axis[-1]),
        "CSF": 1.0,
        "MXY": float(values.max()),
        "MNY": float(values.min()),
        "DXU": unit,
        "DAT": f"{moment:%d/%m/%Y}",
        "TIM": f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} (GMT+0)",
    }


def number_block(values: FloatArray) -> bytes:
    """Return numbers in single precision."""
    return values.astype("<f4").tobytes()


def assemble(blocks: list[tuple[int, bytes]]) -> bytes:
    """Return a file of blocks of these types, in this order, behind header and directory."""
    room = max(ROOM, len(blocks) + 1)
    start = _HEADER_BYTES + 12 * room
    entries = [(DIRECTORY, 12 * room, _HEADER_BYTES)]
    for kind, data in blocks:
        entries.append((kind, len(data), start))
        start += len(data)
    directory = b"".join(struct.pack("<Iii", kind, size // 4, at) for kind, size, at in entries)
    header = struct.pack("<4sdiii", MAGIC, VERSION, _HEADER_BYTES, room, len(entries))
    return header + directory.ljust(12 * room, b"\0") + b"".join(data for _, data in blocks)


def encode_opus(measured: Measured, instrument: Instrument, *, resolution_cm1: float, scans: int) -> bytes:
    """Return the file of an absorbance measurement, with its single channels."""
    m = measured
    asked: dict[str, Value] = {
        "AQM": "DD",
        "NSS": scans,
        "PLF": "AB",
        "RES": resolution_cm1,
        **instrument.more,
    }
    transform: dict[str, Value] = {"APF": "B3", "HFQ": float(m.axis[0]), "LFQ": float(m.axis[-1]), "ZFF": "2"}
    optics = _optics(instrument)
    beam, result = SAMPLE | AMPLITUDE | SINGLE_CHANNEL, RESULT | AMPLITUDE | ABSORBANCE
    behind = BACKGROUND | AMPLITUDE | SINGLE_CHANNEL
    blocks = [
        (OPTICS, parameter_block(optics)),
        (TRANSFORM, parameter_block(transform)),
        (ACQUISITION, parameter_block(asked)),
        (ORIGIN, parameter_block({"SNM": "emulated sample", "SFM": "", "CNM": "opioscan emulator"})),
        (INSTRUMENT, parameter_block(_instrument(instrument, m.began_at, scans))),
        (INSTRUMENT | BACKGROUND, parameter_block(_instrument(instrument, m.background_at, scans))),
        (ACQUISITION | BACKGROUND, parameter_block({"NSR": scans, "RES": resolution_cm1})),
        (beam, number_block(m.sample)),
        (result, number_block(m.absorbance)),
        (behind, number_block(m.background)),
        (behind | DATA, parameter_block(data_parameters(m.axis, m.background, m.background_at))),
        (beam | DATA, parameter_block(data_parameters(m.axis, m.sample, m.began_at))),
        (result | DATA, parameter_block(data_parameters(m.axis, m.absorbance, m.began_at))),
    ]
    return assemble(blocks)


def encode_interferogram(measured: Measured, instrument: Instrument) -> bytes:
    """Return the file of a measurement of which only the interferogram was saved."""
    light = np.concatenate([measured.sample[::-1], measured.sample])
    signal = np.fft.irfft(light)[: measured.sample.size].astype("<f4").astype(np.float64)
    points = np.arange(signal.size, dtype=np.float64)
    kind = SAMPLE | AMPLITUDE | INTERFEROGRAM
    return assemble(
        [
            (INSTRUMENT, parameter_block(_instrument(instrument, measured.began_at, 1))),
            (kind, number_block(signal)),
            (kind | DATA, parameter_block(data_parameters(points, signal, measured.began_at, "PNT"))),
        ]
    )


def _instrument(instrument: Instrument, at: float, scans: int) -> dict[str, Value]:
    return {
        "HFL": LASER_CM1,
        "LFL": 0.0,
        "LWN": LASER_CM1,
        "ASS": scans,
        "RSN": int(at) % 100_000,
        "SRT": at,
        "HUM": 12,
        "TSC": 28.1,
        "VSN": "1.0 emulator",
        "SRN": instrument.serial,
        "INS": instrument.name,
    }


def _optics(instrument: Instrument) -> dict[str, Value]:
    return {
        "ACC": "Platinum ATR, Diamond" if instrument.atr else "Transmission holder",
        "APT": "6 mm",
        "BMS": "KBr",
        "CHN": "Sample Compartment",
        "DTC": "RT-DLaTGS",
        "SRC": "MIR",
    }
