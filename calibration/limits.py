"""What a verification is held to: every number that decides, in one place."""

from dataclasses import dataclass

from .strict_json import strict

#: No line may be off by this much at any time, cm⁻¹. SOURCE: the project's bar for drift; it is half of the
#: ± 4 cm⁻¹ that the search corrects for, so that a verified instrument never reaches the end of that range.
BOUND_CM1 = 2.0

#: What a fit may be off by because the line is not alone, cm⁻¹. Measured: real polystyrene broadened to
#: 13 cm⁻¹ moves by up to 0.26 (see `lines.fit_line`).
FIT_BIAS_CM1 = 0.3

#: Standard errors within which a position is known, both ways (99.7 % of a normal distribution).
SURE_SIGMAS = 3.0


@strict
@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a positive control."""

    position_cm1: float = 1.0
    """Largest deviation of a line from its ASTM E1840 position, cm⁻¹. Chosen: half of `BOUND_CM1`. Real 785
    nm instruments leave up to 0.7 on polystyrene by their makers' own axes."""
    vague_cm1: float = 0.2
    """A line whose position is less sure than this standard error decides nothing, cm⁻¹. Chosen: a fifth of
    the limit."""
    width_cm1: float = 25.0
    """Largest width of the strongest line, cm⁻¹. Chosen: above it polystyrene's 1001 and 1032 are one
    band."""
    width_ratio: tuple[float, float] = (0.75, 1.35)
    """Least and largest width of the strongest line over that of the baseline. Chosen: a 10 cm⁻¹ line may
    lose or gain some 3, less than the 8 at which search without broadening goes wrong."""
    intensity_ratio: tuple[float, float] = (0.33, 3.0)
    """Least and largest intensity over that of the baseline. Chosen: putting the standard before the probe
    anew changes it by tens of per cent, a dirty window or a failing laser by more."""
    min_snr: float = 20.0
    """Smallest signal-to-noise ratio of the strongest line. Chosen: its position is then known to 0.15
    cm⁻¹."""


#: The limits where nobody says otherwise.
LIMITS = Limits()
