"""Simulated scans of references the model is solved without, to see what they score.

Each draw takes one reference, pure or mixed with a negative that counts as known, sees it
through another instrument, takes what is known out, and scores it by the model solved without
that reference and its likes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import steps
from .class_scores import BoolArray, Machine, responses
from .class_views import known_basis
from .recipe import Recipe
from .values import FloatArray

#: How far simulated instruments differ from those of the references: shift (cm⁻¹, uniform ±), extra
#: width (FWHM, cm⁻¹, uniform from 0), response slope (SD), ripple of relative band intensities
#: (SD over about 60 cm⁻¹), SNR of the strongest band (log-uniform). Chosen, narrower than
#: `spectra.nulls`, because shift and width are fitted before a class is asked about.
SHIFT, WIDTH, SLOPE, RIPPLE, SNR = 1.0, 6.0, 0.1, 0.08, (30.0, 1000.0)

#: Smallest share (of area) in a mixture of what is asked about; chosen.
LEAST_SHARE = 0.3

#: Shift of a known part is fitted to whole cm⁻¹.
FITTED_STEP = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """References of a fit, after the recipe."""

    rows: FloatArray
    """Derivatives for unit area, members first, shape (m, n)."""
    is_member: BoolArray
    """Shape (m,)."""
    groups: tuple[str, ...]
    """What each row is a spectrum of; rows of one group are left out together."""
    partners: FloatArray
    """Derivatives of what may be beside a member or a negative, shape (p, n)."""
    partner_groups: tuple[str, ...]
    """Their groups."""
    recipe: Recipe
    """The recipe they went through."""


def moved(row: FloatArray, by: float) -> FloatArray:
    """Return a row moved to the right by a number of points, any fraction, zeros flowing in."""
    index = np.arange(row.size, dtype=np.float64)
    return np.interp(index - by, index, row, left=0.0, right=0.0)


def through_instrument(row: FloatArray, spacing: float, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Return a derivative as another instrument would have measured it, and the shift (cm⁻¹)."""
    shift = float(rng.uniform(-SHIFT, SHIFT))
    ripple = steps.broaden(rng.standard_normal(row.size), fwhm=60.0, spacing=spacing)
    ripple *= RIPPLE / max(float(np.std(ripple)), 1e-12)
    slope = rng.normal(0.0, SLOPE) * np.linspace(-1.0, 1.0, row.size)
    seen = moved(row, shift / spacing) * np.maximum(1.0 + ripple + slope, 0.1)
    return steps.broaden(seen, fwhm=float(rng.uniform(0.0, WIDTH)), spacing=spacing), shift


def noise(count: int, training: Training, rng: np.random.Generator) -> FloatArray:
    """Return white detector noise of variance 1 seen through the recipe's derivative, shape (count, n)."""
    white = rng.standard_normal((count, training.rows.shape[1]))
    recipe = training.recipe
    return steps.derivative(white, spacing=recipe.spacing, **recipe.parameters("derivative"))


def noisy(
    values: FloatArray, unit_noise: FloatArray, training: Training, rng: np.random.Generator
) -> FloatArray:
    """Add noise to a clean derivative at a drawn signal-to-noise ratio."""
    snr = float(np.exp(rng.uniform(*np.log(SNR))))
    height = float(np.ptp(np.cumsum(values))) * training.recipe.spacing
    return np.asarray(values + height / snr * unit_noise)


def mixed(
    training: Training, row: int, partner: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return a clean scan of a reference beside a partner, and the partner's fitted part."""
    spacing = training.recipe.spacing
    own, shift = through_instrument(training.rows[row], spacing, rng)
    share = float(rng.uniform(LEAST_SHARE, 1.0))
    other, _ = through_instrument(training.partners[partner], spacing, rng)
    both = share * own + (1.0 - share) * other
    fitted = moved(training.partners[partner], round(shift / FITTED_STEP) * FITTED_STEP / spacing)
    return both, (1.0 - share) * fitted


def held_out(
    training: Training,
    rows: Sequence[int],
    draws: int,
    rng: np.random.Generator,
    *,
    machine: Machine,
    advance: Callable[[float], None] | None = None,
) -> FloatArray:
    """Return the scores of simulated scans of rows, by the model without each and its likes, shape (draws,).

    The rows share the draws evenly; every second scan of a row is a mixture.
    """
    scores: list[float] = []
    for k, row in enumerate(rows):
        count = len(range(k, draws, len(rows)))
        if not count:
            continue
        group = training.groups[row]
        keep = np.array([one != group for one in training.groups])
        left, labels = training.rows[keep], training.is_member[keep]
        others = [p for p, one in enumerate(training.partner_groups) if one != group]
        mixtures = count // 2 if others else 0
        detector = noise(count, training, rng)
        alone = [
            through_instrument(training.rows[row], training.recipe.spacing, rng)[0]
            for _ in detector[mixtures:]
        ]
        if alone:
            scans = [
                noisy(one, own, training, rng) for one, own in zip(alone, detector[mixtures:], strict=True)
            ]
            none = np.zeros((0, left.shape[1]))
            scores += responses(np.array(scans), left, labels, basis=none, machine=machine).tolist()
        for own in detector[:mixtures]:
            scan, fitted = mixed(training, row, others[int(rng.integers(len(others)))], rng)
            basis = known_basis(fitted[None], np.ones(scan.size))
            scan = noisy(scan, own, training, rng)[None]
            scores.append(float(responses(scan, left, labels, basis=basis, machine=machine)[0]))
        if advance is not None:
            advance(float(count))
    return np.array(scores)
