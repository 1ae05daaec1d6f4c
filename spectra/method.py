"""Methods: everything an identification depends on, under one name and digest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .digest import array_digest, json_digest
from .errors import MethodError
from .nulls import DRAWS, NullTable, simulate_null
from .recipe import Recipe, default_recipe
from .references import Grade, ReferenceEntry
from .refset import ReferenceSet, build_reference_set
from .values import Technique

#: False alarms promised per scan unless a method says otherwise.
FALSE_ALARM_RATE = 0.01

#: Classes a method answers for; each needs this many measured members to be trained.
CLASSES = ("fentanyl_analogue", "nitazene")
MIN_CLASS_MEMBERS = 8


@dataclass(frozen=True, slots=True)
class WatchItem:
    """A substance the agency wants to be told of."""

    substance: str
    """Preferred name."""
    limit_share: float = 0.2
    """Share of spectral area above which a negative must exclude it, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """The unit of release: references, recipes, thresholds and watch list."""

    name: str
    """Name under which results cite it."""
    version: int
    """Version, from 1."""
    library_name: str
    """Name of the library it was fitted from."""
    library_digest: str
    """Digest of that library."""
    sets: Mapping[Technique, ReferenceSet]
    """References by technique, after their recipe."""
    nulls: Mapping[Technique, NullTable]
    """Null tables by technique."""
    watch_list: tuple[WatchItem, ...]
    """What must be excluded before a scan may answer *no alarm*."""
    classes: tuple[str, ...] = ()
    """Classes the agency asks about, trained or not."""
    training: bool = False
    """True for a method of harmless targets, marked TRAINING everywhere."""
    false_alarm_rate: float = FALSE_ALARM_RATE
    """False alarms promised per scan."""
    digest: str = field(default="", init=False)
    """SHA-256 over all of the above."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", _digest(self))

    @property
    def references(self) -> tuple[ReferenceEntry, ...]:
        """Every reference of every technique."""
        return tuple(entry for refs in self.sets.values() for entry in refs.entries)

    def reference_set(self, technique: Technique) -> ReferenceSet:
        """Return the references of a technique.

        Raises
        ------
        MethodError
            The method has none.
        """
        if technique not in self.sets:
            raise MethodError(
                f"method {self.name!r} has no {technique} references; use another method or technique"
            )
        return self.sets[technique]

    def threshold(self, technique: Technique, rate: float | None = None) -> float:
        """Return the statistic a reference must reach in a technique, by default at the promised rate.

        Raises
        ------
        MethodError
            The null table is too small to test the rate.
        """
        try:
            return self.nulls[technique].threshold(self.false_alarm_rate if rate is None else rate)
        except ValueError as error:
            raise MethodError(f"method {self.name!r}: {error}") from error

    def watched(self, names: Sequence[str]) -> bool:
        """Return whether any of these names is on the watch list."""
        return any(item.substance in names for item in self.watch_list)


def _digest(method: Method) -> str:
    return json_digest(
        {
            "name": method.name,
            "version": method.version,
            "library": method.library_digest,
            "recipes": {str(t): refs.recipe.digest for t, refs in method.sets.items()},
            "references": [entry.reference_id for entry in method.references],
            "nulls": {str(t): array_digest(table.maxima) for t, table in method.nulls.items()},
            "watch_list": [[item.substance, item.limit_share] for item in method.watch_list],
            "classes": list(method.classes),
            "training": method.training,
            "false_alarm_rate": method.false_alarm_rate,
        }
    )


def fit(
    entries: Sequence[ReferenceEntry],
    *,
    name: str,
    library_name: str,
    library_digest: str,
    watch_list: Sequence[WatchItem] | None = None,
    classes: Sequence[str] = (),
    training: bool = False,
    version: int = 1,
    draws: int = DRAWS,
    nulls: Mapping[Technique, NullTable] | None = None,
    recipes: Mapping[Technique, Recipe] | None = None,
    advance: Callable[[float], None] | None = None,
) -> Method:
    """Fit a method from references alone.

    Parameters
    ----------
    entries
        References of any technique.
    watch_list
        What to alarm on; by default every controlled substance among the references.
    classes
        Classes to answer for.
    nulls
        Null tables computed earlier for the same references and recipes; computed where missing.
    recipes
        Recipe by technique; the shipped default where missing.
    advance
        Told of each null scan simulated, for a progress bar.

    Raises
    ------
    MethodError
        No reference of any technique covers its recipe's range.
    """
    sets: dict[Technique, ReferenceSet] = {}
    for technique in Technique:
        if any(entry.technique is technique for entry in entries):
            recipe = (recipes or {}).get(technique) or default_recipe(technique)
            try:
                sets[technique] = build_reference_set(entries, recipe)
            except MethodError:
                continue
    if not sets:
        raise MethodError(f"library {library_name!r} holds no reference a shipped recipe can use")
    tables = dict(nulls or {})
    for technique, refs in sets.items():
        if technique not in tables:
            tables[technique] = simulate_null(refs, draws=draws, advance=advance)
    if watch_list is None:
        watch_list = [
            WatchItem(n) for n in sorted({e.substance.name for e in entries if e.substance.controlled})
        ]
    return Method(
        name=name,
        version=version,
        library_name=library_name,
        library_digest=library_digest,
        sets=sets,
        nulls={technique: tables[technique] for technique in sets},
        watch_list=tuple(watch_list),
        classes=tuple(classes),
        training=training,
    )


def may_name(entry: ReferenceEntry, *, training: bool) -> bool:
    """Return whether a reference's evidence grade may name its substance."""
    if entry.grade is Grade.MEASURED:
        return True
    return entry.grade is Grade.DERIVED and (training or not entry.substance.controlled)
