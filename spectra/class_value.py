"""What a trained class is: the references it was fitted from and the few choices of the fit."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from .class_scores import BoolArray, Machine
from .digest import array_digest, json_digest
from .errors import MethodError
from .values import MAX_CHANNELS, FloatArray, Technique, frozen_array

#: Fewest measured members a class is trained from.
MIN_CLASS_MEMBERS = 8

#: Classes that are neither members nor negatives of a class: parts and relatives of it.
NEITHER = {"fentanyl_analogue": ("fentanyl_related", "fentanyl_precursor")}

#: Most references of a model: a bound for files, twice what the fit keeps.
MAX_ROWS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class ClassModel:
    """What is known of a class in one technique."""

    name: str
    """Class, for example ``fentanyl_analogue``."""
    technique: Technique
    """Technique of the references."""
    recipe: str
    """Digest of the recipe the references went through."""
    axis: FloatArray
    """The recipe's full axis, cm⁻¹, shape (n,)."""
    rows: FloatArray
    """Derivatives of members, then of negatives, for unit area, shape (m, n); zero where not measured."""
    members: tuple[str, ...]
    """Names of the members, in the order of the rows."""
    negatives: tuple[str, ...]
    """Names of the negatives, in the order of the rows after the members'."""
    machine: Machine
    """How references are compared; chosen by the fit."""
    threshold: float
    """Statistic below which a scan is no member; chosen by the fit from held-out references."""
    null: FloatArray
    """Statistics of negatives the model was solved without, sorted ascending, shape (draws,)."""
    found: FloatArray
    """Statistics of members the model was solved without, sorted ascending, shape (draws,)."""
    seed: int
    """Seed of the draws."""
    digest: str = field(default="", init=False)
    """SHA-256 over all of the above."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        for name, ndim in (("axis", 1), ("rows", 2), ("null", 1), ("found", 1)):
            set_(self, name, frozen_array(getattr(self, name), name=name, ndim=ndim))
        if self.rows.shape != (len(self.members) + len(self.negatives), self.axis.size):
            raise MethodError(f"class {self.name!r}: rows and names do not fit together")
        if not self.members or not self.negatives or not self.null.size:
            raise MethodError(f"class {self.name!r} needs members, negatives and a null table")
        if not abs(self.threshold) <= 1e6:
            raise MethodError(f"class {self.name!r}: threshold out of range")
        set_(self, "digest", json_digest({**self._head(), "arrays": array_digest(*self._arrays().values())}))

    @property
    def null_count(self) -> int:
        """Number of held-out statistics p-values are counted against."""
        return int(self.null.size)

    @property
    def is_member(self) -> BoolArray:
        """Whether each row is a member's, shape (m,)."""
        return np.arange(len(self.rows)) < len(self.members)

    def p_value(self, statistic: float) -> float:
        """Return the share of held-out negatives at least as extreme, never below 1/(n + 1)."""
        above = self.null.size - int(np.searchsorted(self.null, statistic, side="left"))
        return (1 + above) / (self.null.size + 1)

    def sensitivity(self) -> float:
        """Return the share of held-out members' scans at or above the threshold, 0 to 1."""
        return float(np.mean(self.found >= self.threshold)) if self.found.size else 0.0

    def _head(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "technique": str(self.technique),
            "recipe": self.recipe,
            "members": list(self.members),
            "negatives": list(self.negatives),
            "views": [[view, width] for view, width in self.machine.views],
            "ridge": self.machine.ridge,
            "threshold": self.threshold,
            "seed": self.seed,
        }

    def _arrays(self) -> dict[str, FloatArray]:
        return {"axis": self.axis, "rows": self.rows, "null": self.null, "found": self.found}

    def to_json(self) -> dict[str, Any]:
        """Return the model as JSON values, its arrays as base64 of little-endian float64."""
        packed = {
            name: {
                "shape": list(array.shape),
                "data": base64.b64encode(array.astype("<f8").tobytes()).decode(),
            }
            for name, array in self._arrays().items()
        }
        return {**self._head(), **packed}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Rebuild a model from `to_json`.

        Raises
        ------
        MethodError
            A field is missing or damaged.
        """
        try:
            arrays = {name: _unpacked(value[name]) for name in ("axis", "rows", "null", "found")}
            if len(arrays["rows"]) > MAX_ROWS or np.any(np.diff(arrays["null"]) < 0):
                raise MethodError("the class model is damaged")
            views = tuple((_text(view), float(width)) for view, width in value["views"])
            spacing = float(arrays["axis"][1] - arrays["axis"][0])
            return cls(
                name=_text(value["name"]),
                technique=Technique(value["technique"]),
                recipe=_text(value["recipe"]),
                members=tuple(_text(one) for one in value["members"]),
                negatives=tuple(_text(one) for one in value["negatives"]),
                machine=Machine(views, float(value["ridge"]), spacing),
                threshold=float(value["threshold"]),
                seed=int(value["seed"]),
                **arrays,
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise MethodError(f"the class model is damaged: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, got {type(value).__name__}")
    return value


def _unpacked(value: Mapping[str, Any]) -> FloatArray:
    shape = tuple(int(n) for n in value["shape"])
    if len(shape) not in (1, 2) or any(not 0 <= n <= MAX_CHANNELS for n in shape):
        raise ValueError(f"an array of shape {shape}")
    data = base64.b64decode(value["data"], validate=True)
    if len(data) != 8 * int(np.prod(shape)):
        raise ValueError("an array is cut short")
    return np.frombuffer(data, dtype="<f8").reshape(shape).astype(np.float64)
