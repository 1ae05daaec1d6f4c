"""A method as JSON: everything but its reference spectra, strictly written and strictly read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spectra.class_model import ClassModel
from spectra.errors import SpectraError
from spectra.method import Method, WatchItem, reference_sets
from spectra.negatives import MeasuredNull, Negative
from spectra.nulls import NullTable
from spectra.recipe import Recipe
from spectra.values import FloatArray, Technique

from .entry_json import check_kinds
from .keeping import keep_references, kept_references
from .method_errors import MethodDamaged
from .store import Library

#: Bounds of what is read; more is a mistake or an attack.
MAX_LISTED = 100_000
MAX_TEXT = 400
MAX_STEPS = 32

_Kinds = dict[str, type | tuple[type, ...]]
_METHOD: _Kinds = {
    "name": str,
    "version": int,
    "library": dict,
    "recipes": dict,
    "nulls": dict,
    "negatives": dict,
    "watch_list": list,
    "classes": list,
    "class_models": dict,
    "training": bool,
    "false_alarm_rate": float,
    "planned_scans": int,
}
_NULL: _Kinds = {"seed": int, "maxima": list, "regimes": list}
_NEGATIVE: _Kinds = {"source": str, "digest": str, "statistic": float, "substance": str, "regime": float}
_WATCH: _Kinds = {"substance": str, "limit_share": float}
_LIBRARY: _Kinds = {"name": str, "digest": str}
_RECIPE: _Kinds = {"name": str, "steps": list}


def method_head(method: Method) -> dict[str, Any]:
    """Return everything of a method but its reference spectra, as JSON values."""
    return {
        "name": method.name,
        "version": method.version,
        "library": {"name": method.library_name, "digest": method.library_digest},
        "recipes": {
            str(t): {"name": refs.recipe.name, "steps": [dict(step) for step in refs.recipe.steps]}
            for t, refs in method.sets.items()
        },
        "nulls": {
            str(t): {
                "seed": table.seed,
                "maxima": table.maxima.tolist(),
                "regimes": table.regimes.tolist(),
            }
            for t, table in method.nulls.items()
        },
        "negatives": {str(t): null.to_json() for t, null in method.measured.items()},
        "watch_list": [
            {"substance": item.substance, "limit_share": float(item.limit_share)}
            for item in method.watch_list
        ],
        "classes": list(method.classes),
        "class_models": {
            str(t): [model.to_json() for model in models] for t, models in method.class_models.items()
        },
        "training": method.training,
        "false_alarm_rate": float(method.false_alarm_rate),
        "planned_scans": method.planned_scans,
    }


def method_of_head(head: Any, library: Library, *, kept: Path | None = None) -> Method:
    """Rebuild a method from `method_head` and its library.

    Parameters
    ----------
    kept
        Folder where prepared references of large libraries are kept (`library.keeping`); None for none.

    Raises
    ------
    MethodDamaged
        A field is missing, unknown, of another kind or out of range, or the library is another one.
    """
    try:
        return _rebuilt(head, library, kept)
    except MethodDamaged:
        raise
    except (SpectraError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise MethodDamaged(f"a field of the method is damaged: {error}") from error


def _rebuilt(head: Any, library: Library, kept: Path | None) -> Method:
    check_kinds(head, _METHOD, what="a method")
    check_kinds(head["library"], _LIBRARY, what="its library")
    if (library.name, library.digest) != (head["library"]["name"], head["library"]["digest"]):
        raise MethodDamaged("its library is not the one it was fitted from")
    recipes = {t: _recipe(t, value) for t, value in _by_technique(head["recipes"]).items()}
    prepared = kept_references(kept, library.digest, recipes)
    sets = reference_sets([e for e in library.entries if e.technique in recipes], recipes, prepared=prepared)
    nulls = {t: _null(value) for t, value in _by_technique(head["nulls"]).items()}
    if not sets or not sets.keys() == recipes.keys() == nulls.keys():
        raise MethodDamaged("references, recipes and null tables are not of the same techniques")
    if not 0.0 < head["false_alarm_rate"] < 1.0 or head["version"] < 1 or head["planned_scans"] < 1:
        raise MethodDamaged("its promised rate, version or number of scans is out of range")
    keep_references(kept, library.digest, (refs for t, refs in sets.items() if t not in prepared))
    return Method(
        name=_text(head["name"]),
        version=head["version"],
        library_name=library.name,
        library_digest=library.digest,
        sets=sets,
        nulls=nulls,
        watch_list=tuple(_watch(item) for item in _listed(head["watch_list"])),
        classes=tuple(_text(name) for name in _listed(head["classes"])),
        training=head["training"],
        false_alarm_rate=head["false_alarm_rate"],
        planned_scans=head["planned_scans"],
        measured={t: _measured(value) for t, value in _by_technique(head["negatives"]).items()},
        class_models=_class_models(head["class_models"], recipes),
    )


def _by_technique(value: Mapping[str, Any]) -> dict[Technique, Any]:
    """Return a mapping in the order of the techniques, whatever the order of its keys."""
    wanted = {Technique(name): one for name, one in value.items()}
    return {technique: wanted[technique] for technique in Technique if technique in wanted}


def _recipe(technique: Technique, value: Any) -> Recipe:
    check_kinds(value, _RECIPE, what="a recipe")
    if len(value["steps"]) > MAX_STEPS or not all(isinstance(step, dict) for step in value["steps"]):
        raise MethodDamaged("a recipe's steps are no steps")
    return Recipe(_text(value["name"]), technique, tuple(value["steps"]))


def _null(value: Any) -> NullTable:
    check_kinds(value, _NULL, what="a null table")
    maxima, shares = _numbers(_listed(value["maxima"])), _numbers(_listed(value["regimes"]))
    if maxima.size == 0 or maxima.size != shares.size or (np.diff(shares) < 0).any():
        raise MethodDamaged("a null table is empty, or not in order")
    return NullTable(maxima, shares, value["seed"])


def _measured(value: Any) -> MeasuredNull:
    negatives = []
    for one in _listed(value):
        check_kinds(one, _NEGATIVE, what="a negative")
        _numbers([one["statistic"], one["regime"]])
        negatives.append(Negative(**one))
    null = MeasuredNull.of(negatives)
    if list(null.negatives) != negatives:
        raise MethodDamaged("the negatives are not in order, or not distinct")
    return null


def _watch(value: Any) -> WatchItem:
    check_kinds(value, _WATCH, what="an item of the watch list")
    if not 0.0 < value["limit_share"] <= 1.0:
        raise MethodDamaged("a limit of the watch list is not a share above 0 and up to 1")
    return WatchItem(_text(value["substance"]), value["limit_share"])


def _class_models(value: Mapping[str, Any], recipes: Mapping[Technique, Recipe]) -> dict[Technique, Any]:
    models = {
        technique: tuple(ClassModel.from_json(one) for one in _listed(listed))
        for technique, listed in _by_technique(value).items()
    }
    for technique, trained in models.items():
        for model in trained:
            if technique not in recipes or model.technique is not technique:
                raise MethodDamaged(f"the model of {model.name!r:.80} is of another technique")
            if model.recipe != recipes[technique].digest:
                raise MethodDamaged(f"the model of {model.name!r:.80} is of another recipe")
    return models


def _numbers(values: list[Any]) -> FloatArray:
    if not all(type(value) in {int, float} for value in values):
        raise MethodDamaged("a list of numbers holds something else")
    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise MethodDamaged("a number is not finite")
    array.setflags(write=False)
    return array


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_LISTED:
        raise MethodDamaged(f"a list is missing, or longer than {MAX_LISTED}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise MethodDamaged(f"a text is missing, not printable, or longer than {MAX_TEXT} characters")
    return value
