"""Recipes held against the table of steps: every refusal says which step, what is wrong and what is right."""

from collections.abc import Mapping
from typing import Any

from .baseline import options_of
from .errors import RecipeError, ValueRangeError
from .infrared_fresnel import Optics
from .step_table import KINDS, STEPS, shown
from .steps import MAX_GRID
from .values import Technique


def check_steps(steps: tuple[Mapping[str, Any], ...], technique: Technique, where: str) -> None:
    """Refuse steps that are unknown, out of order, for another technique, or wrongly set.

    Parameters
    ----------
    steps
        As a recipe holds them.
    technique
        The recipe's.
    where
        What to call the recipe in messages.

    Raises
    ------
    RecipeError
        One line: which step, what is wrong, what would be right.
    """
    order: list[Any] = [step.get("step") for step in steps]
    known = list(KINDS)
    for name in order:
        if name not in known:
            raise RecipeError(f"{where}: unknown step {shown(name)}; known are {', '.join(known)}")
    if [name for name in known if name in order] != order:
        got = ", ".join(order)[:200]
        raise RecipeError(f"{where}: each step at most once and in the order {', '.join(known)}; got {got}")
    missing = [kind.name for kind in STEPS if kind.needed and kind.name not in order]
    if missing:
        raise RecipeError(f"{where} needs the steps resample and derivative; missing: {', '.join(missing)}")
    for step in steps:
        _check_step(step, technique, f"{where}, step {step['step']}")
    _check_together({step["step"]: step for step in steps}, where)


def _check_step(step: Mapping[str, Any], technique: Technique, where: str) -> None:
    kind = KINDS[step["step"]]
    if technique not in kind.techniques:
        raise RecipeError(f"{where} is not for {technique} spectra")
    by_name = {parameter.name: parameter for parameter in kind.parameters}
    for key, value in step.items():
        if key == "step":
            continue
        if key not in by_name:
            raise RecipeError(f"{where}: unknown parameter {shown(key)}; known are {', '.join(by_name)}")
        by_name[key].check(value, where)
    for parameter in kind.parameters:
        if parameter.needed and parameter.name not in step:
            raise RecipeError(f"{where} needs {parameter.name} ({parameter.words})")
    checks = {
        "smooth": _check_smooth,
        "baseline": _check_baseline,
        "derivative": _check_filter,
        "unit": _check_unit,
        "atr": _check_atr,
    }
    if step["step"] in checks:
        checks[step["step"]](step, where)


def _check_unit(step: Mapping[str, Any], where: str) -> None:
    if step["given"].startswith(str(step.get("wanted", "absorbance"))):
        raise RecipeError(f"{where}: {step['given']} is what is given already")


def _check_atr(step: Mapping[str, Any], where: str) -> None:
    optics = {
        key: step[key] for key in ("crystal_index", "sample_index", "angle_deg", "bounces") if key in step
    }
    if optics and step.get("optics", "depth") != "fresnel":
        raise RecipeError(f"{where}: {', '.join(optics)} are of no meaning without optics: fresnel")
    try:
        Optics(**optics)
    except ValueRangeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _check_smooth(step: Mapping[str, Any], where: str) -> None:
    binomial, polynomial = "passes" in step, {"window", "degree"} & set(step)
    if binomial == bool(polynomial) or (polynomial and len(polynomial) != 2):
        raise RecipeError(f"{where} takes either passes (binomial) or window and degree (Savitzky–Golay)")
    if polynomial:
        _check_filter(step, where)


def _check_filter(step: Mapping[str, Any], where: str) -> None:
    if step["window"] % 2 == 0 or step["degree"] >= step["window"]:
        raise RecipeError(f"{where}: the window must be odd and larger than the degree")
    if step.get("order", 0) > step["degree"]:
        raise RecipeError(f"{where}: a derivative of order {step['order']} needs at least that degree")


def _check_baseline(step: Mapping[str, Any], where: str) -> None:
    try:
        options_of(step.get("algorithm", "arpls"), step.get("stiffness"), step.get("variant"))
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _check_together(by_name: Mapping[str, Mapping[str, Any]], where: str) -> None:
    """Check what only several steps together can get wrong."""
    grid = by_name["resample"]
    length = (grid["stop_cm1"] - grid["start_cm1"]) / grid["spacing_cm1"]
    if not by_name["derivative"]["window"] - 1 <= length <= MAX_GRID:
        raise RecipeError(
            f"{where}: no axis from {grid['start_cm1']:g} to {grid['stop_cm1']:g} cm⁻¹ every "
            f"{grid['spacing_cm1']:g} that has the points of the derivative's window and at most {MAX_GRID}"
        )
    if "atmosphere" in by_name and by_name.get("atr", {}).get("optics") == "fresnel":
        raise RecipeError(f"{where}: atmosphere cannot go before atr with optics: fresnel; leave one out")
    unit = by_name.get("unit", {})
    if unit.get("wanted") == "transmittance":
        wrong = [name for name in ("atmosphere", "atr", "baseline") if name in by_name]
        if wrong:
            raise RecipeError(f"{where}: {', '.join(wrong)} need absorbance, and unit makes transmittance")
    crop = by_name.get("crop")
    if crop and not (crop["start_cm1"] <= grid["start_cm1"] < grid["stop_cm1"] <= crop["stop_cm1"]):
        raise RecipeError(f"{where}: crop leaves less than resample wants; widen it or leave it out")
