"""What is said of a scan and a class: a statistic, a p-value, and the bands that drove it."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from .class_bands import assignment
from .class_scores import UNLIKE, gram, solved_views
from .class_value import NEITHER, ClassModel
from .class_views import bands, known_basis, seen, without
from .errors import SpectrumMismatch
from .references import ReferenceEntry
from .values import FloatArray

#: Amplitude, relative to what is known, that a known substance leaves behind after it was fitted with
#: shift, width and slope (chosen: what two instruments leave of the same pure substance). A residual
#: below it is no evidence of anything else.
REMAINDER = 0.10

#: Least prominence of a band of the query, relative to its largest span; chosen.
PROMINENCE = 0.04

#: Distance over which a band gathers contributions, cm⁻¹: half the width of a band of a solid.
REACH = 10.0

#: Bands named.
MOST_BANDS = 6

#: Classes of substances whose fitted part counts as known beside a member of a class, named or not: what
#: parcels are cut, dissolved and wrapped with. A fitted drug counts only where it may be named: in a
#: scan of an analogue nobody has, drugs of the library are fitted to parts of it.
HARMLESS = frozenset({"benign", "cutting_agent", "excipient", "inorganic", "packaging", "solvent"})


def counts_as_known(entry: ReferenceEntry, name: str, *, named: bool) -> bool:
    """Return whether a fitted reference's part is taken out before a class is asked about.

    Parameters
    ----------
    entry
        The fitted reference.
    name
        The class asked about; its members and relatives are never taken out.
    named
        Whether the fit is good enough to name the reference.
    """
    its = entry.substance.substance_class
    if its == name or its in NEITHER.get(name, ()):
        return False
    return named or entry.packaging or its in HARMLESS


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """Evidence for or against a class in one scan."""

    statistic: float
    """About +1 for members of the class, −1 for what is like no reference."""
    p_value: float
    """Share of held-out negatives that score at least as much, at least 1/(null_count + 1)."""
    null_count: int
    """Number of held-out scores it was counted against."""
    bands_cm1: tuple[int, ...]
    """Bands of the scan that speak most for the class, ascending; empty where nothing is left to judge."""
    basis: str
    """What the evidence rests on, in words."""
    threshold: float
    """Statistic from which on the scan is like a member, by the model."""

    def detected(self, rate: float) -> bool:
        """Return whether the class counts as present at a rate of false alarms.

        Both must hold: no more negatives than the rate allows score as much, and the scan lies on
        the members' side of the model's threshold.
        """
        return self.p_value <= rate and self.statistic >= self.threshold


def class_evidence(
    values: FloatArray, variance: FloatArray, known: FloatArray, model: ClassModel
) -> ClassEvidence:
    """Judge whether a scan holds a member of a class beside what is known to be in it.

    Parameters
    ----------
    values
        Derivative of the scan on the recipe's full axis, shape (n,).
    variance
        Noise variance of `values`, shape (n,); zero, negative or not finite where not measured.
    known
        Fitted parts of what is known to be in the scan and is no member of the class (named
        components, blank, packaging), on the same axis, shape (k, n); k may be 0.
    model
        The class, fitted with the same recipe.

    Raises
    ------
    SpectrumMismatch
        The arrays do not lie on the model's axis.
    """
    n = model.axis.size
    if values.shape != (n,) or variance.shape != (n,) or known.shape[1:] != (n,):
        raise SpectrumMismatch(f"the class model has {n} points, the scan {values.shape} and {known.shape}")
    weight = np.where(np.isfinite(variance) & (variance > 0), 1.0, 0.0)
    values, known = values * weight, known * weight
    basis = known_basis(known, weight)
    rest = without(values[None], basis)[0]
    noise = float(np.sum(variance[weight > 0]))
    if float(rest @ rest) <= noise + REMAINDER**2 * float(np.sum(known**2)):
        said = "nothing is left beside noise and what is known to be in the scan"
        return ClassEvidence(UNLIKE, 1.0, model.null_count, (), said, model.threshold)
    score, raised = _scored(rest, model, basis, weight)
    found = _bands(rest, raised, model)
    return ClassEvidence(
        statistic=score,
        p_value=model.p_value(score),
        null_count=model.null_count,
        bands_cm1=tuple(round(position) for position in found),
        basis=_words(found, score, model),
        threshold=model.threshold,
    )


def _scored(
    rest: FloatArray, model: ClassModel, basis: FloatArray, weight: FloatArray
) -> tuple[float, FloatArray]:
    """Return the score and, to first order, how much each point moves it, shape (n,).

    The kernel grows with the scalar product of two rows, which is a sum over points; each term is
    weighted by the kernel's slope and the reference's coefficient.
    """
    score, raised = UNLIKE, np.zeros(rest.size)
    parts = solved_views(model.rows * weight, model.is_member, basis=basis, machine=model.machine)
    for part in parts:
        query = seen(rest[None], part.view, model.machine.spacing)
        pull = part.weight * part.coefficients * gram(query @ part.rows.T, part.scale)[0]
        score += float(pull.sum())
        raised += query[0] * (pull @ part.rows) / part.scale
    return score, raised


def _bands(rest: FloatArray, raised: FloatArray, model: ClassModel) -> tuple[float, ...]:
    """Return the positions of the scan's bands that raise the score most, ascending."""
    shape = bands(rest)
    span = float(np.ptp(shape))
    peaks = find_peaks(shape, prominence=PROMINENCE * span)[0] if span > 0 else np.zeros(0, dtype=np.intp)
    reach = max(round(REACH / model.machine.spacing), 1)
    gathered = np.convolve(raised, np.ones(2 * reach + 1), mode="same")
    speaking = [int(k) for k in peaks if gathered[k] > 0]
    chosen = sorted(speaking, key=lambda k: -gathered[k])[:MOST_BANDS]
    return tuple(float(model.axis[k]) for k in sorted(chosen))


def _words(found: tuple[float, ...], score: float, model: ClassModel) -> str:
    """Put the evidence into words."""
    if score < model.threshold or not found:
        return f"unlike the {len(model.members)} members the model knows"
    named = [f"{assignment(position, model.technique)} {position:.0f}" for position in found]
    return f"like members of the class at {', '.join(named)} cm⁻¹"
