"""Proving class models: each member left out in turn, several processes side by side."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from spectra.class_crossval import CrossvalReport, crossval, gathered, outer_groups
from spectra.class_fit import MEMBER_DRAWS, NULL_DRAWS, group_of
from spectra.class_value import MIN_CLASS_MEMBERS
from spectra.errors import MethodError
from spectra.recipe import Recipe, default_recipe
from spectra.references import Grade, ReferenceEntry
from spectra.trained import class_members, trainable
from spectra.values import Technique

from .names import fold_name

#: Fewest different members of a class that can be proved when it is asked for by name (chosen: one left out,
#: and two to learn from). It takes `MIN_CLASS_MEMBERS` to train one for a method.
LEAST_PROVED = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """A cross-validation to be done: one class in one technique."""

    name: str
    """The class."""
    recipe: Recipe
    """What spectra go through; its technique is that of the proof."""
    members: tuple[ReferenceEntry, ...]
    """Measured references of the class."""
    negatives: tuple[ReferenceEntry, ...]
    """Measured references of everything else."""
    partners: tuple[ReferenceEntry, ...]
    """Known substances each one is mixed with as well."""
    rate: float
    """False alarms allowed per scan."""
    seed: int
    """Seed of the fits and of the mixtures' noise."""

    @property
    def technique(self) -> Technique:
        """Technique of the class."""
        return self.recipe.technique

    @property
    def groups(self) -> tuple[str, ...]:
        """What is left out in turn."""
        return outer_groups(self.name, self.members, self.negatives)

    @property
    def trainable(self) -> bool:
        """Whether a method may be trained with these members."""
        return len({group_of(entry) for entry in self.members}) >= MIN_CLASS_MEMBERS


def proofs(
    entries: Sequence[ReferenceEntry],
    *,
    classes: Sequence[str] | None = None,
    recipes: Mapping[Technique, Recipe] | None = None,
    partners: Sequence[str] = (),
    rate: float = 0.01,
    seed: int = 0,
) -> tuple[Proof, ...]:
    """Return what there is to prove of the classes that references can train.

    Parameters
    ----------
    entries
        References of any technique.
    classes
        Classes asked about, `LEAST_PROVED` members being enough; None for all that can be trained.
    recipes
        Recipe by technique; the shipped default where missing.
    partners
        Names of substances to mix each one with; those of a technique without them are left out there.
    rate
        False alarms allowed per scan.
    seed
        Seed of the fits and of the mixtures' noise.

    Raises
    ------
    MethodError
        No class asked about can be trained in any technique, or a partner is not among the references.
    """
    wanted = {fold_name(name): name for name in partners}
    known = {fold_name(entry.substance.name) for entry in entries if entry.grade is Grade.MEASURED}
    if missing := [name for fold, name in wanted.items() if fold not in known]:
        raise MethodError(f"no measured reference of {missing[0]!r} to mix with")
    made = []
    for technique in Technique:
        own = [e for e in entries if e.technique is technique and e.grade is Grade.MEASURED]
        beside = {fold_name(e.substance.name): e for e in own if fold_name(e.substance.name) in wanted}
        for name in trainable(own, technique) if classes is None else classes:
            members = class_members(own, name)
            if len({group_of(entry) for entry in members}) < LEAST_PROVED:
                continue
            others = tuple(e for e in own if e.substance.substance_class != name)
            recipe = (recipes or {}).get(technique) or default_recipe(technique)
            made.append(Proof(name, recipe, members, others, tuple(beside.values()), rate, seed))
    if not made:
        asked = ", ".join(classes) if classes else "any class"
        least = MIN_CLASS_MEMBERS if classes is None else LEAST_PROVED
        raise MethodError(
            f"too few measured members to prove {asked}: {least} different ones of one technique are needed"
        )
    return tuple(made)


def prove(
    proof: Proof, *, workers: int = 1, advance: Callable[[float], None] | None = None
) -> CrossvalReport:
    """Carry out a cross-validation; the report does not depend on the number of processes.

    Parameters
    ----------
    proof
        What to prove.
    workers
        Processes.
    advance
        Told of each substance done, for a progress bar.

    Raises
    ------
    MethodError
        A fold has too few members or negatives.
    """
    groups = proof.groups
    found: dict[str, CrossvalReport] = {}
    if workers <= 1:
        for group in groups:
            found[group] = _fold(proof, group)
            if advance is not None:
                advance(1.0)
        return gathered([found[group] for group in groups])
    with ProcessPoolExecutor(workers, get_context("spawn"), _receive, (proof,)) as pool:
        waiting = {pool.submit(_received_fold, group): group for group in groups}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            if advance is not None:
                advance(1.0)
    return gathered([found[group] for group in groups])


def _fold(proof: Proof, group: str) -> CrossvalReport:
    """Leave one group out."""
    count = len({group_of(entry) for entry in proof.members})
    return crossval(
        proof.name,
        proof.members,
        proof.negatives,
        recipe=proof.recipe,
        partners=proof.partners,
        rate=proof.rate,
        seed=proof.seed,
        least=min(MIN_CLASS_MEMBERS, count - 1),
        draws=(max(NULL_DRAWS, math.ceil(1.0 / proof.rate)), MEMBER_DRAWS),
        groups=[group],
    )


#: The proof a worker process was started with: sent once, not with every fold.
_mine: dict[str, Any] = {}


def _receive(proof: Proof) -> None:
    _mine["proof"] = proof


def _received_fold(group: str) -> CrossvalReport:
    return _fold(_mine["proof"], group)
