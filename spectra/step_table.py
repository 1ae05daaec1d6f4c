"""The table of steps a recipe may name: parameters, ranges, order, and what becomes of the noise.

`spectra.step_checks` holds recipes against it when they are made; documentation prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .baseline import ALGORITHMS
from .errors import RecipeError
from .steps import MAX_WINDOW, NORMS
from .values import Technique

Value = float | int | str


def shown(value: object) -> str:
    """Return a value as a message may hold it, however long it is."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a step."""

    name: str
    """Key in the recipe."""
    words: str
    """What it is, its unit, and what larger values do."""
    low: float = 0.0
    """Smallest value, itself allowed; of no meaning for a choice."""
    high: float = 0.0
    """Largest value, itself allowed; of no meaning for a choice."""
    whole: bool = False
    """True for whole numbers."""
    choices: tuple[str, ...] = ()
    """The words it may be; empty for numbers."""
    default: Value | None = None
    """What it is where the recipe does not say; None where the step has a default of its own."""
    needed: bool = False
    """True where the recipe has to say it."""

    def check(self, value: object, where: str) -> None:
        """Raise `RecipeError` unless a value is of the right kind and in range."""
        if self.choices:
            if value not in self.choices:
                known = ", ".join(self.choices)
                raise RecipeError(f"{where}: {self.name} must be one of {known}, got {shown(value)}")
            return
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise RecipeError(f"{where}: {self.name} must be {self.range_words()}, got {shown(value)}")
        if self.whole and value != int(value):  # type: ignore[call-overload]
            raise RecipeError(f"{where}: {self.name} must be a whole number, got {shown(value)}")

    def range_words(self) -> str:
        """Return the allowed values in words."""
        if self.choices:
            return " | ".join(self.choices)
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class StepKind:
    """A step a recipe may name."""

    name: str
    """Key in the recipe."""
    words: str
    """What it does, in a sentence."""
    noise: str
    """What becomes of the noise."""
    parameters: tuple[Parameter, ...]
    """Its parameters."""
    techniques: tuple[Technique, ...] = tuple(Technique)
    """What it applies to."""
    needed: bool = False
    """True where every recipe must have it."""


_LOWER = Parameter("start_cm1", "lower end, cm⁻¹", -1_000, 30_000, needed=True)
_UPPER = Parameter("stop_cm1", "upper end, cm⁻¹", -1_000, 30_000, needed=True)
_WINDOW = Parameter(
    "window", "points of the local polynomial, odd; more is smoother", 3, MAX_WINDOW, whole=True
)
_DEGREE = Parameter("degree", "degree of the local polynomial, below the window", 0, 10, whole=True)

#: Every step, in the only order a recipe may name them.
STEPS: Final[tuple[StepKind, ...]] = (
    StepKind(
        "unit",
        "Turn transmittance into absorbance, or absorbance into transmittance.",
        "first order, channel by channel: σ_A = σ_T / (T · ln 10), σ_T = T · ln 10 · σ_A",
        (
            Parameter(
                "given",
                "unit of the intensities handed in",
                choices=("transmittance", "transmittance_percent", "absorbance"),
                needed=True,
            ),
            Parameter(
                "wanted", "unit to go on with", choices=("absorbance", "transmittance"), default="absorbance"
            ),
        ),
        (Technique.FTIR,),
    ),
    StepKind(
        "crop",
        "Leave out channels outside a range, before anything can smear them into it.",
        "exact: channels are dropped",
        (
            _LOWER,
            _UPPER,
        ),
    ),
    StepKind(
        "despike",
        "Bridge cosmic rays with a straight line between their neighbours.",
        "exact for the channels found: the bridge is linear; that some were searched for is not counted",
        (
            Parameter(
                "threshold", "modified z-score of a spike's flanks; larger finds fewer", 3, 100, default=7.0
            ),
            Parameter("width", "channels of the widest spike", 1, 3, whole=True, default=2),
        ),
        (Technique.RAMAN,),
    ),
    StepKind(
        "atmosphere",
        "Subtract water's lines where they stand out and bridge the bands of carbon dioxide.",
        "exact for the decision taken: amplitude and bridges are linear in the channels",
        (
            Parameter("line_cm1", "full width at half maximum of a water line, cm⁻¹", 0.5, 16, default=4.0),
            Parameter("sigmas", "by how many standard deviations water must stand out", 0, 100, default=5.0),
        ),
        (Technique.FTIR,),
    ),
    StepKind(
        "atr",
        "Give ATR spectra the heights of transmission: by the depth of penetration, which falls with the "
        "wavenumber, or by Fresnel's equations, which also set strong bands back to their places.",
        "depth: exact, a factor for each channel; fresnel: first order, channel by channel",
        (
            Parameter("optics", "how much is corrected", choices=("depth", "fresnel"), default="depth"),
            Parameter("reference_cm1", "wavenumber that keeps its height, cm⁻¹", 100, 10_000, default=1000.0),
            Parameter("crystal_index", "refractive index of the crystal (fresnel)", 1.5, 5.0),
            Parameter("sample_index", "refractive index of the sample, away from bands (fresnel)", 1.0, 3.0),
            Parameter("angle_deg", "angle of incidence, degrees (fresnel)", 10.0, 89.0),
            Parameter("bounces", "reflections in the crystal (fresnel)", 1, 50, whole=True),
        ),
        (Technique.FTIR,),
    ),
    StepKind(
        "smooth",
        "Smooth on the detector's own channels: binomial (passes), or Savitzky–Golay (window and degree).",
        "exact: linear",
        (
            Parameter("passes", "how often with (1, 2, 1)/4; more is smoother", 1, 10, whole=True),
            _WINDOW,
            _DEGREE,
        ),
    ),
    StepKind(
        "resample",
        "Interpolate linearly onto an even axis.",
        "exact: linear",
        (
            _LOWER,
            _UPPER,
            Parameter("spacing_cm1", "distance of the points, cm⁻¹", 0.01, 1000, needed=True),
            Parameter(
                "margin_cm1",
                "how far beyond the range the baseline is followed where it was measured, cm⁻¹",
                0,
                1000,
                default=0.0,
            ),
        ),
        needed=True,
    ),
    StepKind(
        "baseline",
        "Estimate the smooth background and take it off.",
        "kept: the background is counted as known, it averages over many more points than a band has",
        (
            Parameter("algorithm", "how it is estimated", choices=tuple(ALGORITHMS), default="arpls"),
            Parameter("stiffness", "λ, half window or degree, by algorithm", 0, 1e15),
            Parameter("variant", "second parameter of the algorithm", 0, 1e3),
        ),
    ),
    StepKind(
        "normalise",
        "Divide by the spectrum's own size after the baseline.",
        "divided by the same factor; the factor's own error scales all channels alike and is not counted",
        (Parameter("by", "which size", choices=NORMS, needed=True),),
    ),
    StepKind(
        "derivative",
        "Savitzky–Golay derivative, per cm⁻¹ to the order taken.",
        "exact: linear",
        (
            Parameter("window", _WINDOW.words, 3, MAX_WINDOW, whole=True, needed=True),
            Parameter("degree", _DEGREE.words, 1, 10, whole=True, needed=True),
            Parameter("order", "first or second derivative", 1, 2, whole=True, default=1),
        ),
        needed=True,
    ),
)
#: Steps by name.
KINDS: Final[Mapping[str, StepKind]] = {kind.name: kind for kind in STEPS}


def step_table() -> list[dict[str, str]]:
    """Return the table of steps as rows of words, one row a parameter, in the order of a recipe.

    Each row has the keys ``step``, ``technique``, ``parameter``, ``values``, ``default``, ``words`` and
    ``noise``; ``step``, ``technique`` and ``noise`` are empty where the row above said them.
    """
    rows = []
    for kind in STEPS:
        head = {"step": kind.name, "technique": " ".join(kind.techniques), "noise": kind.noise}
        rows.append({**head, "parameter": "", "values": "", "default": "", "words": kind.words})
        for parameter in kind.parameters:
            default = (
                "needed" if parameter.needed else "" if parameter.default is None else f"{parameter.default}"
            )
            rows.append(
                {
                    **dict.fromkeys(head, ""),
                    "parameter": parameter.name,
                    "values": parameter.range_words(),
                    "default": default,
                    "words": parameter.words,
                }
            )
    return rows
