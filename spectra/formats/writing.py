"""Spectra out: JCAMP-DX and CSV that read back to the same numbers, bit for bit."""

import numpy as np

from ..values import Spectrum, Technique
from .reading import clean

#: JCAMP-DX lines hold at most 80 characters (4.24, section 3).
LINE = 80


def encode_jcamp(spectrum: Spectrum, title: str) -> bytes:
    """Encode a spectrum as JCAMP-DX 5.01.

    An axis that is exactly a grid is written as ``XYDATA``, any other as ``XYPOINTS``; numbers in free
    format, with as many digits as they need to read back unchanged. Noise has no place in the
    format and is left out.

    Parameters
    ----------
    spectrum
        The spectrum.
    title
        Its title; line ends and ``$$`` (which would start a comment) become blanks.
    """
    raman = spectrum.technique is Technique.RAMAN
    x, y = spectrum.axis, spectrum.intensity
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
        "YFACTOR": "1",
        "FIRSTX": _number(float(x[0])),
        "LASTX": _number(float(x[-1])),
        "NPOINTS": str(x.size),
        "FIRSTY": _number(float(y[0])),
    }
    required = {"TITLE", "OWNER"}
    lines = [f"##{label}={value}" for label, value in head.items() if value or label in required]
    lines[4:4] = [f"##$HISTORY={words}" for step in spectrum.history if (words := _words(step))]
    if np.array_equal(np.linspace(x[0], x[-1], x.size), x):
        lines += ["##XYDATA=(X++(Y..Y))", *_grid_lines(spectrum)]
    else:
        pairs = [f"{a!r}, {b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        lines += ["##XYPOINTS=(XY..XY)", *pairs]
    return ("\r\n".join([*lines, "##END="]) + "\r\n").encode("utf-8")


def encode_csv(spectrum: Spectrum) -> bytes:
    """Encode a spectrum as CSV with a commented header that says what it is.

    Columns: ``raman shift cm-1`` or ``wavenumber cm-1``, ``intensity`` or ``absorbance``, and ``noise`` where
    known.
    """
    raman = spectrum.technique is Technique.RAMAN
    head = {
        "technique": spectrum.technique.value,
        "laser_nm": _number(spectrum.laser_nm),
        "resolution_cm1": _number(spectrum.resolution_cm1),
        "saturated": "yes" if spectrum.saturated else "",
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
