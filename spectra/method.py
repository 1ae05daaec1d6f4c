"""Methods: everything an identification depends on, under one name and digest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .class_model import ClassModel
from .digest import array_digest, json_digest
from .errors import MethodError
from .negatives import MeasuredNull
from .nulls import DRAWS, NullTable, simulate_null
from .promise import search_share, share_of
from .query import WITH_BLANK
from .recipe import Recipe, default_recipe
from .references import Grade, ReferenceEntry
from .refset import Prepared, ReferenceSet, build_reference_set
from .trained import CLASSES as CLASSES
from .trained import MIN_CLASS_MEMBERS as MIN_CLASS_MEMBERS
from .trained import train_classes, trainable
from .values import Technique

#: False alarms promised per completed screening unless a method says otherwise.
FALSE_ALARM_RATE = 0.01

#: Scans of a screening whose shares of the promise are part of the digest (chosen): a method that
#: divides it otherwise is another method.
DIVIDED = 10

#: Shares of noise looked at where that of the scan is not known (chosen: a null table is counted by
#: thirds, which these overlap).
REGIMES = tuple(share + blank for blank in (0.0, WITH_BLANK) for share in (0.0, 0.25, 0.5, 0.75, 1.0))


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
    """Simulated null tables by technique."""
    watch_list: tuple[WatchItem, ...]
    """What must be excluded before a scan may answer *no alarm*."""
    classes: tuple[str, ...] = ()
    """Classes the agency asks about, trained or not."""
    training: bool = False
    """True for a method of harmless targets, marked TRAINING everywhere."""
    false_alarm_rate: float = FALSE_ALARM_RATE
    """False alarms promised per completed screening, 0 to 1."""
    planned_scans: int = 1
    """Scans a screening is planned to have, at least 1; `spectra.promise` divides the rate by it."""
    measured: Mapping[Technique, MeasuredNull] = field(default_factory=dict)
    """The agency's own negatives by technique; without them only simulated nulls count."""
    class_models: Mapping[Technique, tuple[ClassModel, ...]] = field(default_factory=dict)
    """Trained classes by technique; a class of `classes` that is not here is untrained there."""
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

    def threshold(
        self, technique: Technique, rate: float | None = None, regime: float | None = None
    ) -> float:
        """Return the statistic a reference must reach in a scan.

        It is the larger of what the simulated null table and the agency's negatives ask for; too
        few negatives to test the rate are a reported check only.

        Parameters
        ----------
        technique
            How the scan was measured.
        rate
            False alarms allowed; the promised rate by default.
        regime
            `spectra.query.Query.regime` of the scan; None asks for what is enough for any scan.

        Raises
        ------
        MethodError
            The simulated null table is too small to test the rate.
        """
        rate = self.false_alarm_rate if rate is None else rate
        shares = REGIMES if regime is None else (regime,)
        try:
            simulated = max(self.nulls[technique].threshold(rate, share) for share in shares)
        except ValueError as error:
            raise MethodError(f"method {self.name!r}: {error}") from error
        measured = self.measured.get(technique)
        if measured is None or not measured.tests(rate):
            return simulated
        return max(simulated, measured.threshold(rate))

    def p_value(self, technique: Technique, statistic: float, regime: float | None = None) -> float:
        """Return the share of null scans at least as extreme: at most the rate whose threshold it reaches.

        The larger of the simulated table's and, where the negatives can test the promised rate, theirs.
        """
        shares = REGIMES if regime is None else (regime,)
        simulated = max(self.nulls[technique].p_value(statistic, share) for share in shares)
        measured = self.measured.get(technique)
        if measured is None or not measured.tests(self.false_alarm_rate):
            return simulated
        return max(simulated, measured.p_value(statistic))

    def null_counts(self, technique: Technique) -> tuple[int, int]:
        """Return the number of distinct null scans of a technique: simulated, measured."""
        measured = self.measured.get(technique)
        return int(self.nulls[technique].maxima.size), 0 if measured is None else len(measured.negatives)

    def scan_rate(self, scan_number: int = 1) -> float:
        """Return the false alarms allowed to a scan by its number in the screening (`spectra.promise`)."""
        return self.false_alarm_rate * share_of(scan_number, self.planned_scans)

    def search_rate(self, technique: Technique, scan_number: int = 1) -> float:
        """Return the part of a scan's rate for its search; each trained class may spend as much."""
        return self.scan_rate(scan_number) * search_share(len(self.class_models.get(technique, ())))

    def class_model(self, technique: Technique, name: str) -> ClassModel | None:
        """Return the trained model of a class in a technique, None where it is untrained."""
        return next((one for one in self.class_models.get(technique, ()) if one.name == name), None)

    def class_threshold(self, technique: Technique, name: str, rate: float | None = None) -> float:
        """Return the largest p-value at which evidence of a class counts, by default at the promised rate.

        Raises
        ------
        MethodError
            The class is untrained in the technique, or its negatives cannot test the rate.
        """
        rate = self.false_alarm_rate if rate is None else rate
        model = self.class_model(technique, name)
        if model is None:
            raise MethodError(f"method {self.name!r} has no trained model of {name} for {technique}")
        if rate * (model.null_count + 1) < 1:
            raise MethodError(
                f"method {self.name!r}: {model.null_count} negatives of {name} cannot test a rate of {rate}"
            )
        return rate

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
            "nulls": {str(t): array_digest(table.maxima, table.regimes) for t, table in method.nulls.items()},
            "measured": {str(t): null.digest for t, null in method.measured.items()},
            "class_models": {
                str(t): [one.digest for one in models] for t, models in method.class_models.items()
            },
            "watch_list": [[item.substance, item.limit_share] for item in method.watch_list],
            "classes": list(method.classes),
            "training": method.training,
            "false_alarm_rate": method.false_alarm_rate,
            "planned_scans": method.planned_scans,
            "division": [share_of(number, method.planned_scans) for number in range(1, DIVIDED + 1)],
        }
    )


def fit(
    entries: Sequence[ReferenceEntry],
    *,
    name: str,
    library_name: str,
    library_digest: str,
    watch_list: Sequence[WatchItem] | None = None,
    classes: Sequence[str] | None = (),
    training: bool = False,
    version: int = 1,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    planned_scans: int = 1,
    draws: int = DRAWS,
    seed: int = 0,
    nulls: Mapping[Technique, NullTable] | None = None,
    class_models: Mapping[Technique, Sequence[ClassModel]] | None = None,
    recipes: Mapping[Technique, Recipe] | None = None,
    prepared: Mapping[Technique, Prepared] | None = None,
    simulate: Callable[..., NullTable] = simulate_null,
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
        Classes to answer for; None for those that can be trained in some technique.
    version
        Version, from 1.
    false_alarm_rate
        False alarms promised per completed screening, above 0 and below 1.
    planned_scans
        Scans a screening is planned to have, from 1.
    draws, seed
        Size and seed of the null tables.
    nulls
        Null tables computed earlier for the same references and recipes; computed where missing.
    class_models
        Class models trained earlier on the same references; trained where missing.
    recipes
        Recipe by technique; the shipped default where missing.
    prepared
        References of large sets as they were prepared earlier; carried out where missing.
    simulate
        What simulates null tables: `spectra.nulls.simulate_null`, or the same by several processes.
    advance
        Told of each null scan simulated, for a progress bar.

    Raises
    ------
    MethodError
        No reference of any technique covers its recipe's range, or a number is out of range.
    """
    if not 0.0 < false_alarm_rate < 1.0 or planned_scans < 1:
        raise MethodError(f"a rate of {false_alarm_rate} over {planned_scans} scans cannot be promised")
    sets = reference_sets(entries, recipes or {}, prepared=prepared)
    if not sets:
        raise MethodError(f"library {library_name!r} holds no reference a shipped recipe can use")
    tables = dict(nulls or {})
    for technique, refs in sets.items():
        if technique not in tables:
            tables[technique] = simulate(refs, draws=draws, seed=seed, advance=advance)
    if watch_list is None:
        watch_list = [
            WatchItem(n) for n in sorted({e.substance.name for e in entries if e.substance.controlled})
        ]
    if classes is None:
        able = {name for technique, refs in sets.items() for name in trainable(refs.entries, technique)}
        classes = [name for name in CLASSES if name in able]
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
        false_alarm_rate=false_alarm_rate,
        planned_scans=planned_scans,
        class_models=train_classes(
            sets,
            classes,
            rate=false_alarm_rate * share_of(planned_scans, planned_scans),
            seed=seed,
            known=class_models,
            advance=advance,
        ),
    )


def reference_sets(
    entries: Sequence[ReferenceEntry],
    recipes: Mapping[Technique, Recipe],
    *,
    prepared: Mapping[Technique, Prepared] | None = None,
) -> dict[Technique, ReferenceSet]:
    """Carry out each technique's recipe, the shipped default where none is given.

    A technique without a reference that covers its recipe's range is left out. What was prepared before
    (`ReferenceSet.prepared`) is taken as it is.
    """
    known = prepared or {}
    sets: dict[Technique, ReferenceSet] = {}
    for technique in Technique:
        if any(entry.technique is technique for entry in entries):
            recipe = recipes.get(technique) or default_recipe(technique)
            try:
                sets[technique] = build_reference_set(entries, recipe, prepared=known.get(technique))
            except MethodError:
                continue
    return sets


def naming_bar(entry: ReferenceEntry, *, training: bool) -> str:
    """Return the code of the reason for which a reference may not name its substance; empty if it may.

    A controlled substance is named in earnest by a measured reference only, and only by one whose sample
    somebody vouches for; what an emulated device measured was no sample.
    """
    if entry.grade is Grade.LITERATURE:
        return "grade_may_not_name"
    if training or not entry.substance.controlled:
        return ""
    if entry.grade is Grade.DERIVED:
        return "grade_may_not_name"
    vouched = entry.authentication
    return "" if vouched is not None and not vouched.emulated else "reference_unauthenticated"


def may_name(entry: ReferenceEntry, *, training: bool) -> bool:
    """Return whether a reference may name its substance, see `naming_bar`."""
    return not naming_bar(entry, training=training)


def may_exclude(entry: ReferenceEntry, *, training: bool) -> bool:
    """Return whether a reference's evidence grade is enough to say that its substance was not seen."""
    if entry.grade is Grade.MEASURED:
        return True
    return entry.grade is Grade.DERIVED and (training or not entry.substance.controlled)
