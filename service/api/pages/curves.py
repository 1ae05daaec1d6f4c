"""The curves of a result for its page: recomputed where the server has all it takes, or why they are not."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlalchemy.orm import Session

from ...errors import ServiceError
from ..requests import Store
from ..tables import Result

#: Digits of an intensity in the page: far finer than a pixel, and a third of the bytes (chosen).
_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the chart draws, or why it cannot."""

    data: dict[str, Any] | None
    """JSON of ``GET /results/{id}/curves``, with the bands of what was found; None for no curves."""
    why: str
    """Why parts, or all, are missing; empty where nothing is."""


def overlay_of(store: Store, session: Session, result: Result, bands: list[dict[str, Any]]) -> Overlay:
    """Return the curves of a result; a page without them is still a page.

    Parameters
    ----------
    store
        Archive and settings.
    session
        Where to read.
    result
        Whose curves.
    bands
        Bands of its components, as `result_bands` gives them.
    """
    try:
        curves_of = import_module("service.api.evidence.curves").curves_of
    except ImportError:
        return Overlay(None, "this server does not recompute curves")
    try:
        told = curves_of(store, session, result).model_dump(mode="json")
    except ServiceError as error:
        return Overlay(None, str(error))
    if not told["axis_cm1"]:
        return Overlay(None, told["why"])
    return Overlay({**_rounded(told), "bands": bands}, told["why"])


def _rounded(told: dict[str, Any]) -> dict[str, Any]:
    top = max((abs(value) for value in told["query"]), default=0.0) or 1.0

    def short(values: list[float] | None) -> list[float] | None:
        return None if values is None else [float(f"{value / top:.{_DIGITS}g}") for value in values]

    parts = [{**one, "intensity": short(one["intensity"])} for one in told["components"]]
    axis = [round(value, 2) for value in told["axis_cm1"]]
    curves = {name: short(told[name]) for name in ("query", "fit", "residual")}
    return {**told, **curves, "components": parts, "axis_cm1": axis}
