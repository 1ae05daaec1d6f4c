"""What all readers share: the question asked, the answer given, strict numbers, bounded text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..axis import EDGE_CM1
from ..errors import AxisError, FormatError, UnknownFormat, ValueRangeError
from ..values import MAX_CHANNELS, FloatArray, Spectrum, Technique

#: For messages.
READABLE = (
    "JCAMP-DX, GRAMS SPC, Bruker OPUS, OMNIC SPA, Renishaw WDF, Perkin-Elmer SP, ENLIGHTEN CSV, BWSpec and "
    "OceanView text, Open Specy CSV, Raman Open Database, Agilent ASP, two-column text"
)
#: Largest file read, bytes; a text spectrum of `MAX_CHANNELS` channels fits.
MAX_BYTES = 32 << 20
#: Most lines of a text: one for each channel, and a long header.
MAX_LINES = MAX_CHANNELS + 100_000
#: Most rows of a maker's own text table; its detectors have some thousand pixels.
MAX_PIXELS = 1 << 17
#: Header fields kept in `Decoded.meta`, and characters kept of each.
MAX_META, MAX_META_TEXT = 256, 500
#: Excitation in a file's header and on the command line may differ by this much (785 for 784.896), nm.
LASER_TOLERANCE_NM = 2.0
#: Full scale of a 16-bit converter; handheld detectors saturate there.
FULL_SCALE_16_BIT = 65535.0
#: No vibration lies outside, cm⁻¹; below zero are anti-Stokes and laser-line pixels.
AXIS_LIMITS = {Technique.RAMAN: (-5000.0, 12000.0), Technique.FTIR: (1.0, 16000.0)}

#: Above this Raman shift, cm⁻¹, no molecule has a fundamental: hydrogen, the highest, has 4161 (Stoicheff,
#: Can. J. Phys. 35 (1957) 730). An axis that begins there is in absolute wavenumbers.
HIGHEST_SHIFT = 4200.0

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_NUMBER_CHARACTERS = re.compile(r"[0-9+\-.eE \n]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One spectrum of a file, and what the file says about it."""

    spectrum: Spectrum
    """The spectrum, axis in cm⁻¹."""
    format: str
    """Name of the file format, for example ``ENLIGHTEN CSV``."""
    title: str
    """Title or label in the file, else the file's name."""
    meta: dict[str, str] = field(default_factory=dict)
    """Header fields as the file has them."""


@dataclass(frozen=True, slots=True, eq=False)
class PixelCounts:
    """Counts on the detector's own channels, as a calibration of the axis needs them."""

    counts: FloatArray
    """Counts, the dark taken off where the file has it, shape (pixels,)."""
    coefficients: tuple[float, ...]
    """Wavelength of pixel p is Σ cᵢ·pⁱ nm, as the file says; empty where it does not."""
    laser_nm: float | None
    """Excitation wavelength, nm, as the file says."""
    meta: dict[str, str]
    """Header fields as the file has them."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller knows about a file."""

    name: str = ""
    """File name, for messages and as a title of last resort."""
    technique: Technique | None = None
    """How it was measured, where the caller knows."""
    laser_nm: float | None = None
    """Excitation wavelength, nm, where the caller knows."""
    columns: tuple[str, ...] = ()
    """What the columns of a plain table are, where its own names do not say it; ``-`` leaves one out."""

    def settle_technique(self, said: Technique | None) -> Technique:
        """Return the technique, or raise `FormatError` when unknown or contradictory."""
        if said is not None and self.technique not in {None, said}:
            raise FormatError(f"the file says {said}, but --technique {self.technique} was given")
        technique = said or self.technique
        if technique is None:
            raise FormatError("the file does not say how it was measured: give --technique raman or ftir")
        return technique

    def settle_laser(self, said: float | None, technique: Technique) -> float | None:
        """Return the excitation wavelength in nm, None where unknown; raise on contradiction."""
        if technique is not Technique.RAMAN:
            return None
        given = self.laser_nm
        for value in (said, given):
            if value is not None and not 200.0 <= value <= 2000.0:
                raise FormatError(f"a laser of {value:g} nm is outside 200–2000 nm")
        if said is not None and given is not None and abs(said - given) > LASER_TOLERANCE_NM:
            raise FormatError(f"the file says a laser of {said:g} nm, but --laser {given:g} was given")
        return said if said is not None else given


def check_size(data: bytes) -> None:
    """Raise `FormatError` for more bytes than a spectrum's file may have."""
    if len(data) > MAX_BYTES:
        raise FormatError(f"{len(data)} bytes are more than the {MAX_BYTES} a spectrum file may have")


def text_of(data: bytes) -> str:
    """Decode bytes to text with Unix line ends: UTF-8, UTF-16 with a byte order mark, else Latin-1.

    Numbers are ASCII in each; only titles and notes could read differently.

    Raises
    ------
    FormatError
        Empty or too large.
    UnknownFormat
        Not text.
    """
    check_size(data)
    if not data.strip():
        raise FormatError("the file is empty")
    try:
        if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise UnknownFormat(f"the file is binary and of no format read here ({READABLE})")
    # CP/M and DOS programs end a text with Ctrl-Z
    # and a text sent twice through a program that adds carriage returns has two of them
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a\n \t")
    # a line costs more than its characters: bounded before anybody takes the text apart
    if text.count("\n") > MAX_LINES:
        raise FormatError(
            f"more than {MAX_LINES} lines: a spectrum of a handheld has at most {MAX_CHANNELS} points"
        )
    return text


def clean(text: str, limit: int = MAX_META_TEXT) -> str:
    """Return a header text on one line, without control characters, at most `limit` long."""
    return _CONTROL.sub(" ", text).strip()[:limit]


def number(cell: str, where: str, *, comma: bool = False) -> float:
    """Parse one finite number, strictly.

    Parameters
    ----------
    cell
        Digits with an optional sign, decimal mark and exponent; blanks around them.
    where
        Place in the file, for the message.
    comma
        True where the decimal mark is a comma; a point is then refused.

    Raises
    ------
    FormatError
        Anything else, including ``nan``, ``inf``, thousands separators and overflow.
    """
    text = cell.strip()
    if comma:
        text = text.replace(".", "?").replace(",", ".")
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        raise FormatError(f"{where}: {clean(cell, 24)!r} is not a number")
    value = float(text)
    if not np.isfinite(value):
        raise FormatError(f"{where}: {clean(cell, 24)!r} is too large")
    return value


def check_width(rows: Sequence[Sequence[str]], width: int, first_line: int) -> None:
    """Raise `FormatError` at the first row that has not `width` cells."""
    for index, row in enumerate(rows):
        if len(row) != width:
            raise FormatError(f"line {first_line + index}: {len(row)} cells for {width} columns: cut off?")


def number_table(rows: Sequence[Sequence[str]], first_line: int, *, comma: bool = False) -> FloatArray:
    """Parse rows of equally many cells, as strictly as `number` and much faster.

    Parameters
    ----------
    rows
        Cells, row by row.
    first_line
        Number of the file's line the first row stands in, for messages.
    comma
        True where the decimal mark is a comma.

    Returns
    -------
    ndarray, shape (rows, cells)
    """
    flat = [cell for row in rows for cell in row]
    joined = "\n".join(flat)
    if comma and "." not in joined:
        joined = joined.replace(",", ".")
        flat = joined.split("\n")
    if _NUMBER_CHARACTERS.fullmatch(joined) and max(map(len, flat), default=0) <= 64:
        try:
            table = np.array(list(map(float, flat)), dtype=np.float64)
        except ValueError:
            table = np.array([np.nan])
        if np.isfinite(table).all():
            return table.reshape(len(rows), -1)
    return np.array(
        [[number(cell, f"line {first_line + i}", comma=comma) for cell in row] for i, row in enumerate(rows)]
    )


def shift_of_wavelength(wavelength_nm: FloatArray, laser_nm: float) -> FloatArray:
    """Convert scattered wavelengths to Raman shifts: 1e7/λ₀ − 1e7/λ, both in nm, result in cm⁻¹."""
    if not (wavelength_nm > 0).all():
        raise FormatError("a wavelength is not above zero")
    return np.asarray(1e7 / laser_nm - 1e7 / wavelength_nm, dtype=np.float64)


def reached_full_scale(axis: FloatArray, raw: FloatArray, history: list[str]) -> bool:
    """Return whether raw counts beyond the edge filter reach a 16-bit converter's full scale.

    The history says where, the edge included.
    """
    hit = axis[raw >= FULL_SCALE_16_BIT]
    if hit.size:
        place = f"{hit.min():.0f} to {hit.max():.0f} cm⁻¹"
        history.append(f"detector at full scale in {hit.size} channel(s), {place}")
    return bool((hit >= EDGE_CM1).any())


def require_rows(count: int, most: int = MAX_CHANNELS) -> None:
    """Raise `FormatError` where a table is too short or too long for a spectrum."""
    if count < 2:
        raise FormatError(
            f"the table holds {count} point(s); a spectrum needs at least 2: is the file cut off?"
        )
    if count > most:
        raise FormatError(f"more than {most} points are no spectrum of a handheld")


def build(
    axis: FloatArray | Sequence[float],
    intensity: FloatArray | Sequence[float],
    technique: Technique,
    *,
    history: Sequence[str],
    laser_nm: float | None = None,
    noise: FloatArray | None = None,
    resolution_cm1: float | None = None,
    saturated: bool = False,
) -> Spectrum:
    """Make a spectrum of a decoded table; a descending axis is reversed, and the history says so.

    Raises
    ------
    FormatError
        The axis has repeated, unordered or impossible values, or a number is out of range.
    """
    x, y = np.asarray(axis, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
    steps = list(history)
    require_rows(x.size)
    if x[0] > x[-1]:
        x, y = x[::-1], y[::-1]
        noise = None if noise is None else noise[::-1]
        steps.append("descending axis reversed")
    stuck = np.flatnonzero(np.diff(x) <= 0)
    if stuck.size:
        raise FormatError(f"the axis repeats or turns back at {x[stuck[0]]:g} cm⁻¹ ({stuck.size} place(s))")
    low, high = AXIS_LIMITS[technique]
    if x[0] < low or x[-1] > high:
        raise FormatError(f"an axis of {x[0]:g} to {x[-1]:g} cm⁻¹ is impossible for {technique}: wrong unit?")
    if technique is Technique.RAMAN and x[0] > HIGHEST_SHIFT:
        raise FormatError(
            f"an axis of {x[0]:g} to {x[-1]:g} cm⁻¹ holds no Raman shift: absolute wavenumbers? Export shifts"
        )
    try:
        return Spectrum(
            axis=x,
            intensity=y,
            technique=technique,
            noise=noise,
            laser_nm=laser_nm,
            resolution_cm1=resolution_cm1,
            saturated=saturated,
            history=tuple(steps),
        )
    except (AxisError, ValueRangeError) as error:
        raise FormatError(str(error)) from error
