"""What a sample file of the test kit is, and the numbers in all of them."""

from dataclasses import dataclass

import numpy as np

from ..values import FloatArray, Technique

#: Points of each sample.
POINTS = 96
_STEPS: FloatArray = np.linspace(0.0, POINTS - 1, POINTS)
#: An even axis and one that is not, cm⁻¹; exact in single precision and with six decimals.
EVEN: FloatArray = 400.0 + 8.0 * _STEPS
UNEVEN: FloatArray = EVEN + _STEPS**2 / 64
_BANDS = ((620.0, 900.0), (1001.0, 4000.0), (1031.0, 1500.0))
#: Counts of a made-up Raman spectrum: whole numbers with three bands on a slope.
COUNTS: FloatArray = np.round(
    200.0
    + _STEPS
    + np.sum([height * np.exp(-(((EVEN - place) / 20) ** 2)) for place, height in _BANDS], axis=0)
)
#: The same as absorbance, up to about 1; exact in single precision.
ABSORBANCE: FloatArray = COUNTS / 4096.0
#: Excitation of the Raman samples whose format names it, nm.
LASER_NM = 785.0


@dataclass(frozen=True, slots=True, eq=False)
class SampleFile:
    """A file of known numbers."""

    name: str
    """What it is, for the test's name."""
    format: str
    """Format that `Decoded` has to name."""
    data: bytes
    """The file."""
    axis: FloatArray
    """Axis of every spectrum in it, cm⁻¹, ascending, shape (n,)."""
    curves: tuple[FloatArray, ...]
    """Intensities of its spectra, shape (n,) each."""
    technique: Technique
    """How it was measured."""
    asks: bool = False
    """True where the file does not say so, and the reader has to ask."""
    laser_nm: float | None = None
    """Excitation that the spectrum has to name, nm."""
    give_laser_nm: float | None = None
    """Excitation the caller has to give, nm."""
    text: bool = False
    """True for text."""
    counted: bool = True
    """False where the format holds no number of points: a file cut off between two rows looks whole."""
    tolerance: float = 0.0
    """Largest relative difference of a number, for formats that store them rounded."""

    def __str__(self) -> str:
        """Return the name, as tests show it."""
        return self.name
