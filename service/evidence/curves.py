"""The curves behind a result: the scan after its recipe, what explains it, and what is left over.

They are those of `opioscan identify --plot` (`service.plots.scene`), as numbers.
"""

from typing import Any

import numpy as np

from calibration.apply import spectrum_of
from calibration.errors import CalibrationError
from spectra.answer import Identification
from spectra.errors import SpectraError
from spectra.method import Method
from spectra.recipe import default_recipe, prepare
from spectra.values import FloatArray, Spectrum, Technique

from ..errors import EvidenceDamaged
from ..plots.scene import Part, scene_of
from .again import look_again
from .inputs import Answer, Inputs

#: Decimals of a share of the scan's strongest band that curves are told with (chosen).
_DECIMALS = 6

X_LABELS = {Technique.RAMAN: "Raman shift (cm⁻¹)", Technique.FTIR: "wavenumber (cm⁻¹)"}

COMPLETE = "Recomputed from the raw scan with the method that the result names."


def curves_with(inputs: Inputs, method: Method) -> Answer:
    """Return the curves of a result, computed again with its method, JSON values.

    Nothing is told that the answer itself does not tell: what it withholds has no name here either.
    """
    found = look_again(inputs, method)
    spectrum = _spectrum(inputs)
    scene = scene_of(found, spectrum, recipe=method.reference_set(spectrum.technique).recipe)
    curves = scene.curves
    if curves is None:
        return curves_without(inputs, "the answer brings no curves")
    scale = _scale(curves.measured)
    return {
        **_head(spectrum),
        "axis_cm1": curves.axis.tolist(),
        "query": _told(curves.measured, scale),
        "fit": _told(curves.fit, scale),
        "components": [_component(part, scale) for part in scene.parts],
        "residual": _told(curves.residual, scale),
        "complete": True,
        "why": _changed(inputs, found),
    }


def curves_without(inputs: Inputs, why: str) -> Answer:
    """Return the scan alone after the recipe that ships, where its method is not at hand.

    Parameters
    ----------
    why
        Why the rest is missing, in a sentence.
    """
    spectrum = _spectrum(inputs)
    try:
        features = prepare(spectrum, default_recipe(spectrum.technique))
    except SpectraError as error:
        raise EvidenceDamaged(f"the scan of the result cannot be drawn: {error}") from error
    return {
        **_head(spectrum),
        "axis_cm1": features.axis.tolist(),
        "query": _told(features.corrected, _scale(features.corrected)),
        "fit": None,
        "components": [],
        "residual": None,
        "complete": False,
        "why": why,
    }


def _changed(inputs: Inputs, found: Identification) -> str:
    """Say where the answer came out otherwise, so that no picture stands silent beside another verdict."""
    said = inputs.identification
    if str(found.verdict) == said["verdict"] and list(found.reasons) == said["reasons"]:
        return COMPLETE
    return (
        f"Recomputed; the record says {said['verdict']}, this computation says {found.verdict}: "
        "have the result recomputed with opioscan audit recompute."
    )


def _head(spectrum: Spectrum) -> dict[str, Any]:
    return {"baseline_removed": True, "x_label": X_LABELS[spectrum.technique]}


def _component(part: Part, scale: float) -> dict[str, Any]:
    told = part.component
    return {
        "substance": part.label if told is None else told.substance,
        "reference_id": "" if told is None else told.reference_id,
        "role": "container" if part.container else "content",
        "intensity": _told(part.values, scale),
    }


def _spectrum(inputs: Inputs) -> Spectrum:
    try:
        return spectrum_of(inputs.scan, inputs.records)
    except (SpectraError, CalibrationError) as error:
        raise EvidenceDamaged(f"the scan of the result makes no spectrum: {error}") from error


def _scale(measured: FloatArray) -> float:
    return max(float(np.max(measured)), 1e-300)


def _told(values: FloatArray, scale: float) -> list[float]:
    return [float(one) for one in np.round(values / scale, _DECIMALS)]
