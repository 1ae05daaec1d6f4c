"""What quality control says: figures, findings, the quality of an entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .quality_codes import CODES, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing quality control found."""

    code: str
    """Its code in `library.quality_codes.CODES`."""
    detail: str = ""
    """Where and how much, in words; empty where the code says all."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """The numbers behind it, JSON values."""

    @property
    def severity(self) -> Severity:
        """How serious it is."""
        return CODES[self.code].severity

    @property
    def sentence(self) -> str:
        """The finding in a sentence, with where and how much."""
        text = CODES[self.code].text
        return f"{text.removesuffix('.')}: {self.detail}." if self.detail else text

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "text": self.sentence,
            "numbers": dict(self.numbers),
        }


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one spectrum; a figure is None where it cannot be known."""

    channels: int
    """Number of channels."""
    from_cm1: float
    """Lowest channel, cm⁻¹."""
    to_cm1: float
    """Highest channel, cm⁻¹."""
    spacing_cm1: float
    """Median distance of channels, cm⁻¹."""
    gap_cm1: float
    """Largest distance of neighbouring channels, cm⁻¹."""
    coverage: float
    """Share of the default recipe's range that was measured, 0 to 1."""
    snr: float | None = None
    """Strongest band over the noise, after the recipe's baseline."""
    fluorescence_ratio: float | None = None
    """Area of the background over that of the bands."""
    narrowest_cm1: float | None = None
    """Full width at half maximum of the narrowest clear band, cm⁻¹: an upper bound of the resolution."""
    spikes_cm1: tuple[float, ...] = ()
    """Where cosmic rays were found, cm⁻¹."""
    flat_tops: int = 0
    """Channels in flat tops at the largest intensity."""
    longest_run: int = 1
    """Most neighbouring channels with one and the same intensity."""
    negative_share: float = 0.0
    """Share of channels further below zero than a twentieth of the largest intensity."""
    shift_cm1: float | None = None
    """By how much its bands lie above the known ones, median, cm⁻¹."""
    shift_spread_cm1: float | None = None
    """Robust standard deviation of that over the bands, cm⁻¹; None for fewer than three."""
    bands_matched: int = 0
    """Known bands found."""
    bands_known: int = 0
    """Known bands looked for."""

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON values, rounded to what is meaningful."""
        rounded = {name: _rounded(getattr(self, name)) for name in self.__slots__}
        return {**rounded, "spikes_cm1": [_rounded(value) for value in self.spikes_cm1]}


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class EntryQuality:
    """What quality control says about one entry."""

    reference_id: str
    """Its identifier."""
    substance: str
    """Name of its substance."""
    figures: Figures
    """Its figures."""
    findings: tuple[Finding, ...] = ()
    """What was found, in the order of the table of codes."""

    @property
    def worst(self) -> Severity | None:
        """The most serious of its findings; None without any."""
        found = {finding.severity for finding in self.findings}
        return next((each for each in Severity if each in found), None)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "reference_id": self.reference_id,
            "substance": self.substance,
            "figures": self.figures.to_json(),
            "findings": [finding.to_json() for finding in self.findings],
        }


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of the table of codes."""
    order = {code: place for place, code in enumerate(CODES)}
    return tuple(sorted(findings, key=lambda finding: order[finding.code]))
