"""Recipes as values: steps with a digest, to and from JSON, and those that ship."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Self

from . import steps
from .digest import json_digest
from .errors import RecipeError
from .step_checks import check_steps
from .step_table import KINDS, shown
from .values import FloatArray, Technique

#: Name of the JSON form.
SCHEMA: Final = "opioscan.recipe/1"
#: Longest JSON form that is read, characters; one with every step has less than 2 000.
MAX_JSON: Final = 20_000
#: Longest name and longest reason, characters.
MAX_NAME, MAX_WHY = 64, 1_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named sequence of steps for one technique.

    Steps are among those of `spectra.step_table.STEPS`, each at most once and in that order; ``resample`` and
    ``derivative`` are always among them, because references and scans meet on the resampled derivative.

    Raises
    ------
    RecipeError
        A step or parameter that is unknown, out of order or out of range; one line says which.
    """

    name: str
    """Name under which results cite it."""
    technique: Technique
    """What it applies to."""
    steps: tuple[Mapping[str, Any], ...]
    """Steps in order; each a mapping with the key ``step`` and its parameters; cannot be written to."""
    why: str = field(default="", compare=False)
    """What it is for, in a sentence or two; not part of the digest."""
    digest: str = field(default="", init=False, repr=False, compare=False)
    """SHA-256 over technique and steps; the name does not count."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        where = f"recipe {self.name!r}"
        if not (isinstance(self.name, str) and 0 < len(self.name) <= MAX_NAME and self.name.isprintable()):
            raise RecipeError(f"a recipe's name must be 1 to {MAX_NAME} printable characters")
        if not isinstance(self.why, str) or len(self.why) > MAX_WHY or not self.why.isprintable():
            raise RecipeError(f"{where}: why must be words on one line, at most {MAX_WHY} characters")
        if not isinstance(self.technique, Technique):
            raise RecipeError(f"{where}: unknown technique {shown(self.technique)}")
        if not all(isinstance(step, Mapping) for step in self.steps):
            raise RecipeError(f"{where}: each step must be an object with the key 'step'")
        set_(self, "steps", tuple(MappingProxyType(dict(step)) for step in self.steps))
        check_steps(self.steps, self.technique, where)
        set_(self, "steps", tuple(MappingProxyType(_whole_numbers(step)) for step in self.steps))
        set_(self, "digest", json_digest({"technique": str(self.technique), "steps": self._plain()}))

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only mappings cannot be pickled; what comes back is checked like any other recipe.
        return type(self), (self.name, self.technique, tuple(self._plain()), self.why)

    def _plain(self) -> list[dict[str, Any]]:
        return [dict(step) for step in self.steps]

    def parameters(self, step: str) -> dict[str, Any]:
        """Return the parameters of a step as the recipe says them, empty where it leaves the step out."""
        for one in self.steps:
            if one["step"] == step:
                return {key: value for key, value in one.items() if key != "step"}
        return {}

    def settings(self, step: str) -> dict[str, Any] | None:
        """Return the parameters of a step with defaults filled in; None where the recipe leaves it out."""
        if not any(one["step"] == step for one in self.steps):
            return None
        table = KINDS[step].parameters
        usual = {parameter.name: parameter.default for parameter in table if parameter.default is not None}
        return {**usual, **self.parameters(step)}

    @property
    def spacing(self) -> float:
        """Distance of the points after resampling, cm⁻¹."""
        return float(self.parameters("resample")["spacing_cm1"])

    def grid(self) -> FloatArray:
        """Return the full axis of the recipe, cm⁻¹."""
        return steps.grid(**{k: v for k, v in self.parameters("resample").items() if k != "margin_cm1"})

    @property
    def margin(self) -> int:
        """Points beyond the full axis, on each side, over which the baseline is followed as well."""
        return int(float(self.parameters("resample").get("margin_cm1", 0.0)) / self.spacing)

    def to_json(self) -> str:
        """Return the recipe as a JSON object with schema, name, technique, steps, why and digest."""
        value = {
            "schema": SCHEMA,
            "name": self.name,
            "technique": str(self.technique),
            "steps": self._plain(),
            "why": self.why,
            "digest": self.digest,
        }
        return json.dumps(value, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        RecipeError
            Not such an object, a field missing, unknown or twice, or a digest that is not of these steps.
        """
        if len(text) > MAX_JSON:
            raise RecipeError(f"a recipe of {len(text)} characters is too long")
        value = _strict(text)
        known = {"schema", "name", "technique", "steps", "why", "digest"}
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise RecipeError(f"no recipe: an object with the schema {SCHEMA!r} is wanted")
        if set(value) - known or {"name", "technique", "steps"} - set(value):
            wrong = ", ".join(shown(key) for key in sorted(value))
            raise RecipeError(f"a recipe has the fields {', '.join(sorted(known))}; got {wrong}")
        recipe = cls(value["name"], *_read(value), value.get("why", ""))
        if value.get("digest", recipe.digest) != recipe.digest:
            raise RecipeError(
                f"recipe {recipe.name!r}: the digest is not of these steps; one of them was changed"
            )
        return recipe


def _whole_numbers(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step with its whole numbers as integers; in JSON 9 and 9.0 are the same, digest included."""
    whole = {parameter.name for parameter in KINDS[step["step"]].parameters if parameter.whole}
    return {key: int(value) if key in whole else value for key, value in step.items()}


def _read(value: dict[str, Any]) -> tuple[Technique, tuple[Any, ...]]:
    if value["technique"] not in set(Technique) or not isinstance(value["steps"], list):
        raise RecipeError("a recipe needs a technique (raman or ftir) and a list of steps")
    return Technique(value["technique"]), tuple(value["steps"])


def _strict(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise RecipeError("a recipe names a field twice")
        return found

    def never(constant: str) -> None:
        raise RecipeError(f"{constant} is no number a recipe may hold")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=never)
    except RecipeError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"no recipe: {error}") from error


@cache
def shipped_recipes() -> Mapping[str, Recipe]:
    """Return the recipes that ship with the package, by name."""
    entries = _strict(files("spectra").joinpath("data/recipes.json").read_text("utf-8"))
    return MappingProxyType(
        {name: Recipe(name, *_read(entry), entry["why"]) for name, entry in entries.items()}
    )


def default_recipe(technique: Technique) -> Recipe:
    """Return the shipped default recipe of a technique."""
    return shipped_recipes()[f"{technique}-default"]
