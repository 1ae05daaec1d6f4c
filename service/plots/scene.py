"""What a picture of an answer shows, before it is drawn: curves, names, bands and words.

The search compares derivatives, in which the level and the slow drift of a curve count for nothing: each
component is laid on its own zero, and their sum on the scan. Nothing is told here that the answer itself
does not tell: a name it withholds, or a reference it does not name, stays without one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spectra.answer import Component, Curves, Identification
from spectra.errors import SpectraError
from spectra.reasons import Verdict
from spectra.recipe import Recipe, prepare
from spectra.values import FloatArray, Spectrum, Technique

from .style import Look, look_of
from .words import BLANK, PRESUMPTIVE, TRAINING, cited_of, heading_of, label_of, reasons_of

#: The level of a curve is taken where few of its points lie lower, percent; chosen, so that one noisy
#: channel does not decide.
_GROUND = 5.0
#: A response that slopes, applied to derivatives, makes their integral drift. A polynomial of this degree
#: follows that over the fingerprint range and no band of it; chosen, with rounds enough to settle.
_DRIFT_DEGREE, _ROUNDS = 5, 8


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One component of the fit."""

    number: str
    """By which legend, bands and curve are tied together, from ``1``."""
    label: str
    """Name and what it is, as people read it."""
    container: bool
    """True for the blank and for packaging."""
    values: FloatArray
    """Its part of the fit, unit of the scan, shape (n,)."""
    bands: tuple[int, ...]
    """Bands it shares with the scan, cm⁻¹."""
    look: Look
    """Colour and line."""
    component: Component | None = None
    """What the answer says of it; None for the blank and for what it does not name."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The curves that were compared, over one axis."""

    axis: FloatArray
    """cm⁻¹, ascending, shape (n,)."""
    measured: FloatArray
    """The scan after its recipe, as bands, shape (n,)."""
    fit: FloatArray
    """Sum of all components, shape (n,)."""
    residual: FloatArray
    """What the fit leaves, shape (n,); its median is zero."""
    sigma: FloatArray | None
    """Noise standard deviation of ``measured``, shape (n,); None where unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An answer as it is drawn."""

    technique: Technique
    """How it was measured."""
    query: Spectrum
    """The scan as measured."""
    blank: Spectrum | None
    """The scan of the empty container."""
    curves: Compared | None
    """What was compared; None where the answer brings no curves."""
    parts: tuple[Part, ...]
    """Components of the fit, content first."""
    verdict: Verdict
    """The answer."""
    heading: str
    """The answer in words, with symbol and name."""
    mark: str
    """`TRAINING`, or empty."""
    presumptive: str
    """That this is no proof."""
    cited: str
    """File, technique, method and version."""
    reasons: tuple[tuple[str, str], ...]
    """Each reason in words with its next step."""


def scene_of(
    answer: Identification, query: Spectrum, *, blank: Spectrum | None = None, recipe: Recipe | None = None
) -> Scene:
    """Gather what a picture of an answer shows.

    Parameters
    ----------
    answer
        The identification, with or without its curves.
    query, blank
        The spectra that were compared, as measured.
    recipe
        What treated them; with it the noise of the scan is drawn beside the residual.
    """
    found = answer.curves
    curves = None if found is None else _compared(found, query, recipe)
    parts = () if found is None or curves is None else _parts(answer, found, curves.axis)
    if curves is not None:
        curves = _explained(curves, parts)
    return Scene(
        technique=answer.technique,
        query=query,
        blank=blank,
        curves=curves,
        parts=parts,
        verdict=answer.verdict,
        heading=heading_of(answer),
        mark=TRAINING if answer.training else "",
        presumptive=PRESUMPTIVE,
        cited=cited_of(answer),
        reasons=reasons_of(answer),
    )


def _compared(curves: Curves, query: Spectrum, recipe: Recipe | None) -> Compared:
    """Lay the scan on its own zero and cut off what was not measured; nothing explains it yet."""
    axis = np.array(curves.axis)
    here = _measured_part(axis, query)
    measured = _level(np.array(curves.query)[here])
    sigma = None
    if recipe is not None:
        try:
            features = prepare(query, recipe)
            sigma = np.interp(axis[here], features.axis, features.sigma)
        except SpectraError:
            sigma = None
    return Compared(axis[here], measured, np.zeros_like(measured), measured, sigma)


def _explained(curves: Compared, parts: Sequence[Part]) -> Compared:
    """Add up the components and lay their sum on the scan, by the slow drift between the two."""
    if not parts:
        return replace(curves, residual=curves.measured - float(np.median(curves.measured)))
    fit = np.sum([part.values for part in parts], axis=0)
    fit = fit + slow_drift(curves.measured - fit)
    return replace(curves, fit=fit, residual=curves.measured - fit)


def _measured_part(axis: FloatArray, query: Spectrum) -> slice:
    inside = np.flatnonzero((axis >= query.axis[0]) & (axis <= query.axis[-1]))
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size >= 2 else slice(0, axis.size)


def _level(values: FloatArray) -> FloatArray:
    laid: FloatArray = values - float(np.percentile(values, _GROUND))
    return laid


def slow_drift(rest: FloatArray) -> FloatArray:
    """Return the polynomial under what a fit leaves; bands that stand out of it do not pull it.

    Least squares with the bisquare weights of Beaton & Tukey (Technometrics 16 (1974) 147), whose
    scale is 4.685 times the median absolute deviation over 0.6745, their values for normal noise.

    Parameters
    ----------
    rest
        Shape (n,).
    """
    place = np.linspace(-1.0, 1.0, rest.size)
    weight = np.ones_like(rest)
    drift = np.full_like(rest, float(np.median(rest)))
    for _ in range(_ROUNDS):
        off = rest - drift
        scale = 4.685 * float(np.median(np.abs(off))) / 0.6745
        if scale <= 1e-12 * float(np.max(np.abs(rest)) or 1.0):
            break
        weight = np.clip(1.0 - (off / scale) ** 2, 0.0, None)
        drift = np.polynomial.Legendre.fit(place, rest, _DRIFT_DEGREE, w=weight)(place)
    return drift


def _parts(answer: Identification, curves: Curves, axis: FloatArray) -> tuple[Part, ...]:
    """Give each component its name, its look and its number: content first, then containers."""
    rows = np.isin(np.array(curves.axis), axis)
    waiting = list(answer.components)
    found: list[tuple[bool, str, Component | None, FloatArray]] = []
    for name, part in curves.parts:
        component = _component(name, waiting)
        container = name == BLANK or (component is not None and component.role == "container")
        label = label_of(name, component, answer)
        found.append((container, label, component, _level(np.array(part)[rows])))
    found.sort(key=lambda one: one[0])
    contents = sum(not one[0] for one in found)
    made = []
    for place, (container, label, component, values) in enumerate(found):
        look = look_of(container=container, place=place - contents if container else place)
        bands = component.bands_cm1 if component is not None else ()
        made.append(Part(str(place + 1), label, container, values, bands, look, component))
    return tuple(made)


def _component(name: str, waiting: list[Component]) -> Component | None:
    """Take the component of a curve out of those that wait; two references may share a name."""
    for place, component in enumerate(waiting):
        if component.substance == name:
            return waiting.pop(place)
    return None
