"""How much light an emulated spectrograph lets through at each wavelength: what E2911 corrects for."""

from pathlib import Path

import numpy as np

from spectra.values import FloatArray

#: Largest response file read, bytes, and its most rows.
MAX_RESPONSE_FILE, MAX_RESPONSE_ROWS = 1 << 20, 20_000

#: Relative efficiency at 0, ¼, ½, ¾ and 1 of the axis, a smooth curve between; chosen.
SHAPES: dict[str, tuple[float, ...]] = {
    "tilted": (1.0, 0.85, 0.7, 0.55, 0.4),
    "humped": (0.35, 0.8, 1.0, 0.75, 0.3),
}


class Response:
    """A smooth relative efficiency, at most 1.

    Parameters
    ----------
    name
        As it was asked for.
    curve
        Wavelengths, nm, ascending, and efficiencies, shape (2, n); None for one of `SHAPES`.
    """

    def __init__(self, name: str, curve: FloatArray | None = None) -> None:
        self.name = name
        self._curve = curve

    @classmethod
    def named(cls, text: str) -> "Response":
        """Return the response of a name of `SHAPES`, or of a CSV file with wavelength (nm) and efficiency.

        Raises
        ------
        ValueError
            It is neither; the message says what is wrong.
        """
        return cls(text) if text in SHAPES else cls(text, _read(Path(text)))

    def of(self, wavelength_nm: FloatArray) -> FloatArray:
        """Return the efficiency of each pixel, above 0 and at most 1, shape (pixels,).

        Between the points of a file it is linear, beyond them its end values are held.
        """
        if self._curve is not None:
            return np.interp(wavelength_nm, *self._curve)
        places = np.linspace(0.0, 1.0, len(SHAPES[self.name]))
        exact = np.polynomial.Polynomial.fit(places, SHAPES[self.name], len(places) - 1)
        share = (wavelength_nm - wavelength_nm[0]) / np.ptp(wavelength_nm)
        return np.asarray(np.minimum(exact(share), 1.0), dtype=np.float64)


def _read(path: Path) -> FloatArray:
    if not path.is_file():
        raise ValueError(f"{path}: no file, and no response of {', '.join(SHAPES)}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RESPONSE_FILE + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    rows = [line.split(",") for line in data.decode("ascii", "replace").splitlines() if line.strip()]
    if len(data) > MAX_RESPONSE_FILE or not 2 <= len(rows) <= MAX_RESPONSE_ROWS:
        raise ValueError(f"{path}: a response is 2 to {MAX_RESPONSE_ROWS} rows of wavelength_nm,efficiency")
    body = rows if _numbers(rows[0]) else rows[1:]
    numbers = [_numbers(row) for row in body]
    if not body or None in numbers:
        raise ValueError(f"{path}: a response is rows of wavelength_nm,efficiency")
    curve = np.array(numbers, dtype=np.float64).T
    if not (np.isfinite(curve).all() and (np.diff(curve[0]) > 0).all() and curve[1].min() > 0):
        raise ValueError(f"{path}: wavelengths ascend, and efficiencies are above 0")
    return np.asarray([curve[0], curve[1] / curve[1].max()])


def _numbers(row: list[str]) -> tuple[float, float] | None:
    try:
        wavelength, efficiency = (float(cell) for cell in row)
    except ValueError:
        return None
    return wavelength, efficiency
