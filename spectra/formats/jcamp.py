"""JCAMP-DX 4.24 and 5.01, infrared and Raman spectra.

Read are ``XYDATA`` and ``XYPOINTS`` tables in every compression form, alone or in compound files; checks
are verified, units converted openly (the history says how), and what is no such spectrum is refused by name.
"""

import re

import numpy as np

from ..errors import FormatError
from ..values import MAX_CHANNELS, FloatArray, Technique
from .jcamp_asdf import Grid, expand_table, last_digit, pairs
from .jcamp_blocks import Block, Record, blocks_of
from .jcamp_units import intensity_of, unit_of, wavenumbers_of
from .reading import Decoded, Request, build, clean, number

FORMAT = "JCAMP-DX"
TECHNIQUES = {
    "INFRAREDSPECTRUM": Technique.FTIR,
    "IRSPECTRUM": Technique.FTIR,
    "FTIRSPECTRUM": Technique.FTIR,
    "RAMANSPECTRUM": Technique.RAMAN,
}
_LASER_LABELS = ("$LASERWAVELENGTH", "$EXCITATIONWAVELENGTH", "LASERWAVELENGTH", "EXCITATIONWAVELENGTH")
_START = re.compile(r"(?:\s|\$\$[^\n]*\n)*##", re.ASCII)


def recognise(text: str) -> bool:
    """Whether text starts with a labelled data record."""
    return _START.match(text[:4096]) is not None


def decode(text: str, request: Request) -> tuple[Decoded, ...]:
    """Decode every infrared and Raman spectrum of a file.

    Blocks of other kinds (peak assignments, structures, mass spectra) are named in ``meta["left out"]``.

    Raises
    ------
    FormatError
        A check fails, a spectrum is damaged, or no block holds an infrared or Raman spectrum.
    """
    blocks = [
        block for block in blocks_of(text.split("\n")) if block.text("DATATYPE").strip().upper() != "LINK"
    ]
    found: list[Decoded] = []
    left_out: list[str] = []
    for place, block in enumerate(blocks, start=1):
        about = f"block {place} ({block.title[:40]!r}): " if len(blocks) > 1 else ""
        try:
            reason = _no_spectrum(block)
            if reason:
                left_out.append(about + reason)
            else:
                found.append(_spectrum(block, request))
        except FormatError as error:
            raise FormatError(f"{about}{error}") from error
    if not found:
        raise FormatError("; ".join(left_out[:4]) or "a link without blocks")
    if left_out:
        found = [_noting(one, "; ".join(left_out)) for one in found]
    return tuple(found)


def table_of(block: Block) -> tuple[FloatArray, FloatArray]:
    """Return abscissae and ordinates of a block in the file's units, all checks verified.

    Raises
    ------
    FormatError
        A required record is missing, or a check fails.
    """
    block.check_unique()
    points = _points(block)
    first, last = _required(block, "FIRSTX"), _required(block, "LASTX")
    xfactor, yfactor = _factor(block, "XFACTOR"), _factor(block, "YFACTOR")
    record, kind = _table_record(block)
    if kind == "(X++(Y..Y))":
        grid = Grid(first, (last - first) / (points - 1), points, xfactor)
        _check_step(block, grid)
        raw = expand_table(record.more, record.line + 1, grid)
        x = np.linspace(first, last, points)
        y = np.array([float(value) for value in raw])
    else:
        xs, ys = pairs(record.more, record.line + 1, limit=points)
        if xs.size != points:
            raise FormatError(f"{xs.size} points, NPOINTS promises {points}: cut off?")
        x, y = xs * xfactor, ys
        _check_ends(block, x)
    y = y * yfactor
    _check_first_y(block, float(y[0]), yfactor)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def _no_spectrum(block: Block) -> str:
    """Say why a block holds no infrared or Raman spectrum; empty where it does."""
    if "JCAMPCS" in block.records:
        return "a chemical structure, not a spectrum"
    kind = block.text("DATATYPE")
    if not kind:
        return "no ##DATA TYPE=: say INFRARED SPECTRUM or RAMAN SPECTRUM there"
    if unit_of(kind).replace("-", "") not in TECHNIQUES:
        return f"data type {clean(kind, 40)!r} is neither an infrared nor a Raman spectrum"
    if "PEAKTABLE" in block.records:
        return "a peak table is no spectrum: export the curve"
    if "NTUPLES" in block.records:
        return "NTUPLES (several variables) are not read: export one spectrum as XYDATA"
    return ""


def _spectrum(block: Block, request: Request) -> Decoded:
    version = block.text("JCAMPDX")
    if not re.match(r"[45](\.|\b)", version):
        raise FormatError(f"JCAMP-DX version {clean(version, 12)!r}: 4.24 and 5.01 are read")
    technique = request.settle_technique(TECHNIQUES[unit_of(block.text("DATATYPE")).replace("-", "")])
    laser = request.settle_laser(_laser(block), technique)
    x, y = table_of(block)
    history = [clean(line) for held in block.records.get("$HISTORY", ()) for line in (held.value, *held.more)]
    history = [line for line in history if line] or [
        f"read from {FORMAT} {clean(version, 12)}, {x.size} points"
    ]
    history += [f"no {label}: taken as 1" for label in ("XFACTOR", "YFACTOR") if not block.text(label)]
    axis = wavenumbers_of(block.text("XUNITS"), x, technique, laser, history)
    spectrum = build(
        axis,
        intensity_of(block.text("YUNITS"), y, technique, history),
        technique,
        history=history,
        laser_nm=laser,
        resolution_cm1=_resolution(block),
        saturated=block.text("$SATURATED").upper() == "YES",
    )
    return Decoded(spectrum, FORMAT, block.title or request.name, block.described())


def _points(block: Block) -> int:
    value = _required(block, "NPOINTS")
    if value != int(value) or not 2 <= value <= MAX_CHANNELS:
        raise FormatError(f"NPOINTS={value:g} is no number of points from 2 to {MAX_CHANNELS}")
    return int(value)


def _required(block: Block, label: str) -> float:
    text = block.text(label)
    if not text:
        raise FormatError(f"##{label}= is missing")
    return number(text, f"##{label}=")


def _factor(block: Block, label: str) -> float:
    text = block.text(label)
    factor = number(text, f"##{label}=") if text else 1.0
    if factor == 0:
        raise FormatError(f"##{label}=0 leaves no spectrum")
    return factor


def _table_record(block: Block) -> tuple[Record, str]:
    for label in ("XYDATA", "XYPOINTS"):
        if label in block.records:
            record = block.records[label][0]
            kind = re.sub(r"\s", "", record.value).upper()
            if kind not in {"(X++(Y..Y))", "(XY..XY)"}:
                raise FormatError(
                    f"line {record.line}: {clean(record.value, 24)!r} is no form of table read here"
                )
            return record, kind
    raise FormatError("no ##XYDATA= or ##XYPOINTS=: the block holds no spectrum")


def _check_step(block: Block, grid: Grid) -> None:
    text = block.text("DELTAX")
    if grid.step == 0:
        raise FormatError("FIRSTX equals LASTX")
    if not text:
        return
    said = number(text, "##DELTAX=")
    drift = abs(abs(said) - abs(grid.step)) * (grid.points - 1)
    if drift > max(1.0, last_digit(text) / abs(grid.step) * grid.points) * abs(grid.step):
        raise FormatError(
            f"DELTAX={said:g}, but FIRSTX, LASTX and NPOINTS give {grid.step:g}: points missing?"
        )


def _check_ends(block: Block, x: FloatArray) -> None:
    for label, found in (("FIRSTX", float(x[0])), ("LASTX", float(x[-1]))):
        said = block.text(label)
        if abs(found - number(said, f"##{label}=")) >= max(last_digit(said), 1e-6 * abs(found)):
            raise FormatError(f"{label}={clean(said, 24)}, but the table has {found:g} there")


def _check_first_y(block: Block, found: float, yfactor: float) -> None:
    """Compare with FIRSTY, to its last digit or single precision; this also proves YFACTOR."""
    text = block.text("FIRSTY")
    if not text:
        return
    said = number(text, "##FIRSTY=")
    if abs(found - said) > last_digit(text) + abs(yfactor) + 1e-5 * abs(said):
        raise FormatError(
            f"FIRSTY={said:g}, but the table gives {found:g}: is YFACTOR or the first line wrong?"
        )


def _laser(block: Block) -> float | None:
    for label in _LASER_LABELS:
        text = re.sub(r"\s*nm\s*$", "", block.text(label), flags=re.IGNORECASE)
        if text:
            return number(text, f"##{label}=")
    return None


def _resolution(block: Block) -> float | None:
    """Return a plain resolution in cm⁻¹; other wordings stay in `Decoded.meta` only."""
    match = re.fullmatch(
        r"([0-9]+(?:\.[0-9]*)?)\s*(?:cm-1|cm\^-1|1/cm)?", block.text("RESOLUTION"), re.IGNORECASE
    )
    value = float(match[1]) if match and len(match[1]) < 20 else 0.0
    return value if 0 < value < 1000 else None


def _noting(one: Decoded, left_out: str) -> Decoded:
    return Decoded(one.spectrum, one.format, one.title, {**one.meta, "left out": clean(left_out)})
