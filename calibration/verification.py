"""What verifying an instrument showed: every figure with its limit, and one verdict of three.

``passed``: measured, and within every limit. ``failed``: measured well enough to know, and out of a limit.
``no_verdict``: not measured well enough to know, such as a weak or saturated scan, or something else than the
standard before the probe. Only ``failed`` speaks against the instrument and against what it measured before.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

from .strict_json import from_json, strict, to_json

SCHEMA = "opioscan.verification/2"

Verdict = Literal["passed", "failed", "no_verdict"]


@strict
@dataclass(frozen=True, slots=True)
class LineCheck:
    """One line of the standard, as found."""

    expected_cm1: float
    """Where the standard puts it, cm⁻¹."""
    found_cm1: float | None
    """Where it was found, cm⁻¹; None where no band stood out."""
    fwhm_cm1: float | None
    """Its width, cm⁻¹."""
    sigma_cm1: float | None = None
    """Standard error of where it was found, cm⁻¹."""

    @property
    def deviation_cm1(self) -> float | None:
        """Found minus expected, cm⁻¹."""
        return None if self.found_cm1 is None else self.found_cm1 - self.expected_cm1


@strict
@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was held against a limit."""

    name: Literal["position", "width", "intensity", "snr", "empty"]
    """What it is a number of."""
    value: float | None
    """The number; None where it could not be measured."""
    low: float | None
    """Smallest value allowed; None for any."""
    high: float | None
    """Largest value allowed; None for any."""
    unit: str
    """``cm-1``, ``of the baseline``, or empty."""
    ok: bool | None
    """Whether it is within; None where it decides nothing."""
    words: str
    """What it is and what is allowed, in words."""


@strict
@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying one instrument with one standard, or with nothing before the probe."""

    control: Literal["positive", "negative"]
    """``positive`` with a standard, ``negative`` with an empty place."""
    verdict: Verdict
    """Whether the instrument is within its limits."""
    why: str
    """Why it failed or why nothing can be said; empty where it passed."""
    standard: str
    """Substance that was measured; what is empty for a negative control."""
    figures: tuple[Figure, ...]
    """Every number with its limit."""
    device_serial: str
    """Serial number of the instrument."""
    scan_id: str
    """Content address of the scan."""
    at: str
    """When, RFC 3339 in UTC."""
    lines: tuple[LineCheck, ...] = ()
    """Line by line; empty for a negative control."""
    limit_cm1: float | None = None
    """Limit of the positions, cm⁻¹."""
    worst_cm1: float | None = None
    """Largest absolute deviation among the lines whose position is sure enough, cm⁻¹."""
    unsure_cm1: float | None = None
    """How far off that line may be beyond it, cm⁻¹ (three standard errors)."""
    offset_cm1: float | None = None
    """Mean deviation of the lines, each weighted by how sure it is, cm⁻¹."""
    offset_sigma_cm1: float | None = None
    """Standard error of that mean, cm⁻¹."""
    resolution_cm1: float | None = None
    """Width of the strongest line, cm⁻¹."""
    intensity: float | None = None
    """Height of the strongest line per second of exposure, and per milliwatt where the power is known."""
    snr: float | None = None
    """Signal-to-noise ratio of the strongest line."""
    baseline_scan_id: str = ""
    """Scan of the verification that width and intensity were held against; empty where there was none."""

    @property
    def passed(self) -> bool:
        """Whether everything was measured and is within its limits."""
        return self.verdict == "passed"

    def to_json(self) -> dict[str, Any]:
        """Return the verification as JSON values."""
        return to_json(self, SCHEMA)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a verification.

        Raises
        ------
        RecordDamaged
            Another schema, or a field is missing, unknown or of another kind.
        """
        return from_json(cls, SCHEMA, value)
