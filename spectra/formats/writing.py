"""Spectra out: JCAMP-DX and CSV that read back to the same numbers, bit for bit."""

import numpy as np

from ..digest import array_digest
from ..values import FloatArray, Spectrum, Technique
from .jcamp_packing import LINE, difdup_lines
from .reading import clean

#: Packed ordinates are whole numbers up to this: as fine as single precision. Chosen.
PACKED_STEPS = 1 << 24


def encode_jcamp(spectrum: Spectrum, title: str, *, packed: bool = False) -> bytes:
    """Encode a spectrum as JCAMP-DX 5.01.

    An axis that is exactly a grid is written as ``XYDATA``, any other as ``XYPOINTS``; numbers in free
    format, with as many digits as they need to read back unchanged. Noise has no place in the
    format and is left out.

    Packed, the ordinates of a grid are differences of whole numbers (DIFDUP), each with a check: about a
    third of the size. What was whole stays as it was; anything else is rounded to half of 1/`PACKED_STEPS`
    of the largest, and the history says so. A spectrum on no grid is written as ever.

    Parameters
    ----------
    spectrum
        The spectrum.
    title
        Its title; line ends and ``$$`` (which would start a comment) become blanks.
    packed
        True for DIFDUP.
    """
    grid = np.array_equal(np.linspace(spectrum.axis[0], spectrum.axis[-1], spectrum.axis.size), spectrum.axis)
    yfactor = _packing(spectrum.intensity) if packed and grid else 0.0
    whole = np.rint(spectrum.intensity / yfactor) if yfactor else spectrum.intensity
    written = whole * yfactor if yfactor else whole
    history = [words for step in spectrum.history if (words := _words(step))]
    if yfactor not in {0.0, 1.0}:
        history.append(f"ordinates rounded to 1/{PACKED_STEPS} of the largest")
    lines = _jcamp_head(spectrum, title, history, (yfactor, float(written[0])))
    lines.append(f"##$SHA256={array_digest(spectrum.axis + 0.0, written + 0.0)}")
    if yfactor:
        ordinates = whole.astype(np.int64).tolist()
        abscissae = [repr(x) for x in spectrum.axis.tolist()]
        lines += ["##XYDATA=(X++(Y..Y))", *difdup_lines(ordinates, abscissae)]
    elif grid:
        lines += ["##XYDATA=(X++(Y..Y))", *_grid_lines(spectrum)]
    else:
        points = zip(spectrum.axis.tolist(), spectrum.intensity.tolist(), strict=True)
        lines += ["##XYPOINTS=(XY..XY)", *(f"{a!r}, {b!r}" for a, b in points)]
    return ("\r\n".join([*lines, "##END="]) + "\r\n").encode("utf-8")


def _packing(intensity: FloatArray) -> float:
    """Return the YFACTOR that makes intensities whole: 1 where they are, 0 where none does."""
    largest = float(np.abs(intensity).max())
    if largest < 2**31 and np.array_equal(np.rint(intensity), intensity):
        return 1.0
    factor = largest / PACKED_STEPS
    return factor if np.isfinite(factor) and factor > np.finfo(float).tiny else 0.0


def _jcamp_head(spectrum: Spectrum, title: str, history: list[str], first: tuple[float, float]) -> list[str]:
    """Return the records before the table; a YFACTOR of 0 stands for numbers as they are.

    ``first`` holds YFACTOR and FIRSTY.
    """
    raman = spectrum.technique is Technique.RAMAN
    x, (yfactor, first_y) = spectrum.axis, first
    head = {
        "TITLE": _words(title) or "spectrum",
        "JCAMP-DX": "5.01",
        "DATA TYPE": "RAMAN SPECTRUM" if raman else "INFRARED SPECTRUM",
        "ORIGIN": "opioscan",
        "OWNER": "",
        "XUNITS": "1/CM",
        "YUNITS": "ARBITRARY UNITS" if raman else "ABSORBANCE",
        "RESOLUTION": _number(spectrum.resolution_cm1),
        "$LASER WAVELENGTH": _number(spectrum.laser_nm),
        "$SATURATED": "YES" if spectrum.saturated else "",
        "XFACTOR": "1",
        "YFACTOR": _number(yfactor) if yfactor not in {0.0, 1.0} else "1",
        "FIRSTX": _number(float(x[0])),
        "LASTX": _number(float(x[-1])),
        "NPOINTS": str(x.size),
        "FIRSTY": _number(first_y),
    }
    required = {"TITLE", "OWNER"}
    lines = [f"##{label}={value}" for label, value in head.items() if value or label in required]
    lines[4:4] = [f"##$HISTORY={words}" for words in history]
    return lines


def encode_csv(spectrum: Spectrum, title: str = "") -> bytes:
    """Encode a spectrum as CSV with a commented header that says what it is.

    Columns: ``raman shift cm-1`` or ``wavenumber cm-1``, ``intensity`` or ``absorbance``, and ``noise`` where
    known. The header holds the number of points, so that a file that was cut off is noticed.

    Parameters
    ----------
    spectrum
        The spectrum.
    title
        Its title, on one line; empty for none.
    """
    raman = spectrum.technique is Technique.RAMAN
    head = {
        "title": _words(title),
        "technique": spectrum.technique.value,
        "laser_nm": _number(spectrum.laser_nm),
        "resolution_cm1": _number(spectrum.resolution_cm1),
        "saturated": "yes" if spectrum.saturated else "",
        "points": str(spectrum.axis.size),
    }
    lines = [f"# {key}: {value}" for key, value in head.items() if value]
    lines += [f"# history: {words}" for step in spectrum.history if (words := _words(step))]
    names = ["raman shift cm-1", "intensity"] if raman else ["wavenumber cm-1", "absorbance"]
    columns = [spectrum.axis, spectrum.intensity]
    if spectrum.noise is not None:
        names.append("noise")
        columns.append(spectrum.noise)
    lines.append(",".join(names))
    lines += [",".join(map(repr, row)) for row in np.column_stack(columns).tolist()]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _grid_lines(spectrum: Spectrum) -> list[str]:
    """Return the rows of an ``(X++(Y..Y))`` table, at most `LINE` characters each."""
    rows: list[str] = []
    row = ""
    for a, b in zip(spectrum.axis.tolist(), spectrum.intensity.tolist(), strict=True):
        if row and len(row) + 1 + len(repr(b)) <= LINE:
            row += f" {b!r}"
        else:
            rows.append(row)
            row = f"{a!r} {b!r}"
    return [*rows[1:], row]


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _words(text: str) -> str:
    return clean(text.replace("$$", " "))
