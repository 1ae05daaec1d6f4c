"""Which classes a set of references can train, and training them."""

import math
from collections.abc import Callable, Mapping, Sequence

from .class_fit import MEMBER_DRAWS, NULL_DRAWS, fit_class_model, group_of
from .class_model import MIN_CLASS_MEMBERS as MIN_CLASS_MEMBERS
from .class_model import ClassModel
from .errors import MethodError
from .promise import search_share
from .references import Grade, ReferenceEntry
from .refset import ReferenceSet
from .values import Technique

#: Classes a method answers for; each needs `MIN_CLASS_MEMBERS` measured members to be trained.
CLASSES = ("fentanyl_analogue", "nitazene")


def class_members(entries: Sequence[ReferenceEntry], name: str) -> tuple[ReferenceEntry, ...]:
    """Return the measured references of a class."""
    return tuple(e for e in entries if e.grade is Grade.MEASURED and e.substance.substance_class == name)


def trainable(entries: Sequence[ReferenceEntry], technique: Technique) -> tuple[str, ...]:
    """Return the classes with measured members enough in a technique.

    Several spectra of one substance count once (`spectra.class_fit.group_of`): what a class has in
    common is learned from different members.
    """
    own = [entry for entry in entries if entry.technique is technique and not entry.enhanced]
    return tuple(
        name for name in CLASSES if len({group_of(e) for e in class_members(own, name)}) >= MIN_CLASS_MEMBERS
    )


def class_draws(rate: float, classes: int) -> int:
    """Return how many null scans a class needs so that its part of a scan's rate can be tested."""
    return max(NULL_DRAWS, math.ceil(1.0 / (rate * search_share(classes))))


def train_classes(
    sets: Mapping[Technique, ReferenceSet],
    classes: Sequence[str],
    *,
    rate: float,
    seed: int = 0,
    known: Mapping[Technique, Sequence[ClassModel]] | None = None,
    advance: Callable[[float], None] | None = None,
) -> dict[Technique, tuple[ClassModel, ...]]:
    """Train each class in each technique that has members enough.

    Members are the measured references of the class; every other measured reference of the
    technique is a negative, confusants among them. Derived references only lie beside a sample.

    Parameters
    ----------
    sets
        References by technique, after their recipe.
    classes
        Classes asked about.
    rate
        Smallest rate of false alarms of a planned scan, which search and classes share: the
        models' null tables are made large enough to test it.
    seed
        Seed of the training.
    known
        Models trained earlier on the same references with the same seed; trained where missing, or
        where their null table has another size.
    advance
        Told of progress, for a bar.

    Returns
    -------
    dict
        Models by technique, in the order of `classes`; a technique without any is left out.
    """
    trained: dict[Technique, tuple[ClassModel, ...]] = {}
    for technique, references in sets.items():
        there = {model.name: model for model in (known or {}).get(technique, ())}
        able = [name for name in classes if name in trainable(references.entries, technique)]
        draws = class_draws(rate, len(able))
        for name in able:
            if name in there and there[name].null_count == draws:
                continue
            there.pop(name, None)
            if new := _trained(references, name, draws, seed, advance):
                there[name] = new
        if models := tuple(there[name] for name in able if name in there):
            trained[technique] = models
    return trained


def _trained(
    references: ReferenceSet, name: str, draws: int, seed: int, advance: Callable[[float], None] | None
) -> ClassModel | None:
    """Train a class; None where its members turn out too few once they went through the recipe."""
    members = class_members(references.entries, name)
    chosen = {entry.reference_id for entry in members}
    others = [e for e in references.entries if e.grade is Grade.MEASURED and e.reference_id not in chosen]
    beside = [e for e in references.entries if e.grade is Grade.DERIVED]
    try:
        return fit_class_model(
            name,
            members,
            others,
            beside,
            recipe=references.recipe,
            seed=seed,
            draws=(draws, MEMBER_DRAWS),
            advance=advance,
        )
    except MethodError:
        return None
