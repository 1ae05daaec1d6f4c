"""Daily verification: the bands of a known substance must be where they belong."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from spectra.values import Spectrum

from .errors import RecordDamaged
from .lines import fit_line
from .standards import sharp_lines

SCHEMA = "opioscan.verification/1"

#: Largest deviation of any line, cm⁻¹. Half of what the search corrects for (± 4), so that a
#: verified instrument never reaches the bound of the fitted shifts.
LIMIT_CM1 = 2.0

#: Smallest signal-to-noise ratio of the strongest line.
MIN_SNR = 20.0


@dataclass(frozen=True, slots=True)
class LineCheck:
    """One line of the standard, as found."""

    expected_cm1: float
    """Where the standard puts it, cm⁻¹."""
    found_cm1: float | None
    """Where it was found, cm⁻¹; None where no band stood out."""
    fwhm_cm1: float | None
    """Its width, cm⁻¹."""

    @property
    def deviation_cm1(self) -> float | None:
        """Found minus expected, cm⁻¹."""
        return None if self.found_cm1 is None else self.found_cm1 - self.expected_cm1


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying one instrument with one standard."""

    passed: bool
    """True where every line was found within the limit and the signal is strong enough."""
    standard: str
    """Substance that was measured."""
    lines: tuple[LineCheck, ...]
    """Line by line."""
    worst_cm1: float | None
    """Largest absolute deviation, cm⁻¹; None where a line is missing."""
    limit_cm1: float
    """Limit it was held to, cm⁻¹."""
    resolution_cm1: float | None
    """Width of the strongest line, cm⁻¹."""
    snr: float
    """Signal-to-noise ratio of the strongest line."""
    device_serial: str
    """Serial number of the instrument."""
    scan_id: str
    """Content address of the scan."""
    at: str
    """When, RFC 3339 in UTC."""

    def to_json(self) -> dict[str, Any]:
        """Return the verification as JSON values."""
        fields = asdict(self)
        fields["lines"] = [asdict(line) for line in self.lines]
        return {"schema": SCHEMA, **fields}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read a verification.

        Raises
        ------
        RecordDamaged
            A field is missing, unknown or of another kind.
        """
        fields = dict(value)
        if fields.pop("schema", None) != SCHEMA:
            raise RecordDamaged(f"this is no record of {SCHEMA}")
        try:
            fields["lines"] = tuple(LineCheck(**line) for line in fields["lines"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise RecordDamaged(f"a verification record is damaged: {error}") from error


def verify_axis(
    spectrum: Spectrum,
    *,
    at: str = "",
    standard: str = "polystyrene",
    device_serial: str = "",
    scan_id: str = "",
    limit_cm1: float = LIMIT_CM1,
) -> Verification:
    """Hold the band positions of a standard against their reference values (ASTM E1840).

    Parameters
    ----------
    spectrum
        Spectrum of the standard.
    at
        Time of the verification, RFC 3339 in UTC.
    standard
        ``polystyrene``, ``acetaminophen`` or ``cyclohexane``.
    limit_cm1
        Largest deviation allowed, cm⁻¹.

    Raises
    ------
    UnknownStandard
        No lines are chosen for the standard.
    """
    wanted = [line for line in sharp_lines(standard) if spectrum.axis[0] + 15 < line < spectrum.axis[-1] - 15]
    fitted = [fit_line(spectrum, line) for line in wanted]
    lines = tuple(
        LineCheck(
            expected,
            None if found is None else round(found.centre_cm1, 3),
            None if found is None else round(found.fwhm_cm1, 3),
        )
        for expected, found in zip(wanted, fitted, strict=True)
    )
    present = [found for found in fitted if found is not None]
    strongest = max(present, key=lambda found: found.height, default=None)
    deviations = [abs(line.deviation_cm1) for line in lines if line.deviation_cm1 is not None]
    complete = len(deviations) == len(lines) >= 3
    snr = strongest.height / max(strongest.noise, 1e-300) if strongest else 0.0
    worst = round(max(deviations), 3) if complete else None
    passed = worst is not None and worst <= limit_cm1 and snr >= MIN_SNR and not spectrum.saturated
    return Verification(
        passed=passed,
        standard=standard,
        lines=lines,
        worst_cm1=worst,
        limit_cm1=limit_cm1,
        resolution_cm1=round(strongest.fwhm_cm1, 3) if strongest else None,
        snr=round(min(snr, 1e9), 2),
        device_serial=device_serial,
        scan_id=scan_id,
        at=at,
    )
