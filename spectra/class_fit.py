"""Fitting a class model: the few choices are made on references the model is solved without."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .class_draws import Training, held_out
from .class_scores import UNLIKE, BoolArray, Machine, gram, penalty, targets
from .class_value import MIN_CLASS_MEMBERS, NEITHER, ClassModel
from .class_views import VIEWS, seen, typical, unit
from .errors import MethodError, SpectrumMismatch
from .recipe import Recipe, prepare
from .references import ReferenceEntry
from .values import FloatArray

#: Widths (over the median distance) each view is tried with, ridges tried, and views averaged.
WIDTHS = (1.0, 2.0)
RIDGES = (0.03, 0.1, 0.3)
AVERAGED = 4

#: Simulated scans of negatives and of members. The first is the null table: enough to test a rate of
#: 0.0025 (floor 1/401).
NULL_DRAWS, MEMBER_DRAWS = 400, 200

#: A false alarm weighs as much as this many missed members, as shares of all; chosen.
COST = 10.0

#: Most negatives a model keeps: those most like a member. More make scans slow and decide nothing.
MOST_NEGATIVES = 200


def fit_class_model(
    name: str,
    members: Sequence[ReferenceEntry],
    negatives: Sequence[ReferenceEntry],
    background: Sequence[ReferenceEntry] = (),
    *,
    recipe: Recipe,
    seed: int = 0,
    least: int = MIN_CLASS_MEMBERS,
    draws: tuple[int, int] = (NULL_DRAWS, MEMBER_DRAWS),
    advance: Callable[[float], None] | None = None,
) -> ClassModel:
    """Fit a class model from measured references.

    Views, their widths and the ridge are those of least squared error on references left out (with
    their likes), in closed form; the threshold is that of least cost on simulated scans of references
    left out. The same references and seed give the same model.

    Parameters
    ----------
    name
        The class.
    members, negatives
        References of the class and of everything else; relatives of the class (`NEITHER`), other
        techniques and what covers too little of the recipe are passed over.
    background
        What may lie beside a sample, negatives apart; packaging, for example.
    seed
        Seed of the draws.
    least
        Fewest members (different substances) to accept.
    draws
        Simulated scans of negatives and of members.
    advance
        Told of each draw, for a progress bar.

    Raises
    ------
    MethodError
        Too few members, or fewer than two negatives.
    """
    neither = NEITHER.get(name, ())
    ours = _prepared(members, recipe)
    others = _prepared([e for e in negatives if e.substance.substance_class not in (*neither, name)], recipe)
    beside = _prepared(background, recipe)
    if len({group_of(entry) for entry, _ in ours}) < least or not ours:
        raise MethodError(
            f"class {name!r} needs {least} measured members in {recipe.technique}, has {len(ours)}"
        )
    if len({group_of(entry) for entry, _ in others}) < 2:
        raise MethodError(f"class {name!r} needs at least 2 negatives in {recipe.technique}")
    others = _most_alike(others, ours)
    training = _training(ours, others, beside, recipe)
    machine = choose(training)
    rng = np.random.default_rng(seed)
    rows = np.arange(len(training.rows))
    ours_at, others_at = rows[training.is_member].tolist(), rows[~training.is_member].tolist()
    null = held_out(training, others_at, draws[0], rng, machine=machine, advance=advance)
    found = held_out(training, ours_at, draws[1], rng, machine=machine, advance=advance)
    return ClassModel(
        name=name,
        technique=recipe.technique,
        recipe=recipe.digest,
        axis=recipe.grid(),
        rows=training.rows,
        members=tuple(entry.substance.name for entry, _ in ours),
        negatives=tuple(entry.substance.name for entry, _ in others),
        machine=machine,
        threshold=boundary(null, found),
        null=np.sort(null),
        found=np.sort(found),
        seed=seed,
    )


def group_of(entry: ReferenceEntry) -> str:
    """Return what a reference is a spectrum of: the skeleton of its InChIKey, else its name.

    The first 14 letters of an InChIKey name the molecule's connectivity: salts apart, all
    stereoisomers and isotopologues of one skeleton share them (InChI Technical Manual, 2020).
    """
    skeleton = entry.substance.inchikey.split("-")[0].upper()
    return skeleton if len(skeleton) == 14 else entry.substance.name.casefold()


def choose(training: Training) -> Machine:
    """Return the machine of least squared error on groups left out, members and negatives weighing alike.

    For each ridge, views are added one after another, each the one that brings the average nearest
    to the targets, with repetition (ensemble selection, Caruana et al., ICML 2004).
    """
    wanted = np.where(training.is_member, 1.0, UNLIKE)
    count = int(training.is_member.sum())
    weight = 0.5 / np.where(training.is_member, count, wanted.size - count)
    grams = _grams(training)
    best = (np.inf, Machine((next(iter(grams)),), RIDGES[0], training.recipe.spacing))
    for ridge in RIDGES:
        scores = {key: left_out(table, training, ridge) for key, table in grams.items()}
        views: list[tuple[str, float]] = []
        total = np.zeros(wanted.size)
        error = np.inf
        for step in range(1, AVERAGED + 1):
            errors = {
                key: float(weight @ ((total + own) / step - wanted) ** 2) for key, own in scores.items()
            }
            views.append(min(errors, key=lambda key: errors[key]))
            total, error = total + scores[views[-1]], errors[views[-1]]
        if error < best[0]:
            best = error, Machine(tuple(sorted(views)), ridge, training.recipe.spacing)
    return best[1]


def _grams(training: Training) -> dict[tuple[str, float], FloatArray]:
    """Return the Gram matrix of each view at each width."""
    grams = {}
    for view in VIEWS:
        known = seen(training.rows, view, training.recipe.spacing)
        cosines = known @ known.T
        median = typical(cosines)
        grams.update({(view, width): gram(cosines, width * median) for width in WIDTHS})
    return grams


def left_out(table: FloatArray, training: Training, ridge: float) -> FloatArray:
    """Return each reference's score by the model without its group, shape (m,).

    Closed form: with A the regularised Gram matrix and a = A⁻¹ t, the error of the group G is
    (A⁻¹)_GG⁻¹ a_G (leave-one-out of ridge regression, Allen 1974, for groups).
    """
    inverse = np.linalg.inv(table + np.diag(penalty(training.is_member, ridge)))
    wanted = targets(training.is_member)
    solved = inverse @ wanted
    scores = np.empty(len(wanted))
    labels = np.array(training.groups)
    for group in dict.fromkeys(training.groups):
        here = np.flatnonzero(labels == group)
        scores[here] = wanted[here] - np.linalg.solve(inverse[np.ix_(here, here)], solved[here])
    return scores + UNLIKE


def boundary(null: FloatArray, found: FloatArray) -> float:
    """Return the threshold of least cost between scores of negatives and of members.

    Cost is `COST` times the share of negatives at or above it plus the share of members below. All
    thresholds between two neighbouring scores cost the same; the one halfway between them is
    taken, farthest from the substances there are.
    """
    scores = np.unique(np.concatenate((null, found)))
    tried = np.concatenate(((scores[:-1] + scores[1:]) / 2.0, [scores[-1] + 1.0]))
    alarms = 1.0 - np.searchsorted(np.sort(null), tried) / null.size
    missed = np.searchsorted(np.sort(found), tried) / found.size
    return float(tried[int(np.argmin(COST * alarms + missed))])


def _prepared(entries: Iterable[ReferenceEntry], recipe: Recipe) -> list[tuple[ReferenceEntry, FloatArray]]:
    """Carry out the recipe on references that it suits; derivatives for unit area."""
    full = recipe.grid()
    made = []
    for entry in entries:
        if entry.technique is not recipe.technique:
            continue
        try:
            features = prepare(entry.spectrum, recipe)
        except SpectrumMismatch:
            continue
        area = float(np.sum(np.abs(features.corrected))) * recipe.spacing
        if area > 0:
            row = np.zeros(full.size)
            row[features.first : features.first + features.axis.size] = features.values / area
            made.append((entry, row))
    return made


def _most_alike(
    negatives: list[tuple[ReferenceEntry, FloatArray]], members: list[tuple[ReferenceEntry, FloatArray]]
) -> list[tuple[ReferenceEntry, FloatArray]]:
    """Keep the negatives most like a member, in their order."""
    if len(negatives) <= MOST_NEGATIVES:
        return negatives
    rows = unit(np.stack([row for _, row in negatives]))
    nearest = (rows @ unit(np.stack([row for _, row in members])).T).max(axis=1)
    return [negatives[k] for k in sorted(np.argsort(-nearest, kind="stable")[:MOST_NEGATIVES].tolist())]


def _training(
    members: list[tuple[ReferenceEntry, FloatArray]],
    negatives: list[tuple[ReferenceEntry, FloatArray]],
    background: list[tuple[ReferenceEntry, FloatArray]],
    recipe: Recipe,
) -> Training:
    both, beside = [*members, *negatives], [*negatives, *background]
    is_member: BoolArray = np.arange(len(both)) < len(members)
    return Training(
        np.stack([row for _, row in both]),
        is_member,
        tuple(group_of(entry) for entry, _ in both),
        np.stack([row for _, row in beside]),
        tuple(group_of(entry) for entry, _ in beside),
        recipe,
    )
