"""What a scan says about the classes a method has trained, beside the substances that were found in it."""

import numpy as np

from .class_model import ClassEvidence, ClassModel, class_evidence, counts_as_known
from .decide import ClassFinding
from .limits import detectable_share
from .method import Method
from .promise import search_share
from .query import Query
from .references import Grade
from .refset import ReferenceSet
from .select import Selection, may_be_named

#: Least share of area at which recognising members the library does not hold is vouched for: leave-one-out
#: tests mix them 1 : 1. Nothing smaller is stated whatever the noise.
PROVED_SHARE = 0.5


def class_findings(
    query: Query,
    references: ReferenceSet,
    selection: Selection,
    method: Method,
    *,
    threshold: float,
    rate: float,
    total_area: float,
) -> tuple[ClassFinding, ...]:
    """Judge every class trained in a scan's technique.

    Parameters
    ----------
    query, references, selection
        The scan, what was searched, and the model found.
    method
        The method, with its class models.
    threshold
        Statistic a reference must reach in this scan.
    total_area
        Area of what the scan holds (counts · cm⁻¹).
    rate
        False alarms the scan may spend; each class spends an even part of it, or the least its held-out
        negatives can test where that is more.
    """
    models = method.class_models.get(references.recipe.technique, ())
    part = rate * search_share(len(models))
    found = []
    for model in models:
        evidence = _evidence(query, references, selection, model)
        floor = 1.0 / (model.null_count + 1)
        words = evidence.basis
        if floor > part:
            words += f"; {model.null_count} held-out negatives cannot test less than {floor:.3f}"
        found.append(
            ClassFinding(
                name=model.name,
                detected=evidence.detected(max(part, floor)),
                p_value=evidence.p_value,
                basis=words,
                detectable_share=_share(query, references, selection, model, threshold, total_area),
            )
        )
    return tuple(found)


def _evidence(
    query: Query, references: ReferenceSet, selection: Selection, model: ClassModel
) -> ClassEvidence:
    """Judge one class on what is left beside the blank and the components that are no members of it."""
    fit = selection.fit
    named = {match.term.row for match in selection.matches if may_be_named(match)}
    known = [
        part
        for term, part in zip(fit.terms, fit.parts, strict=True)
        if term.row < 0 or counts_as_known(references.entries[term.row], model.name, named=term.row in named)
    ]
    parts = np.stack(known) if known else np.zeros((0, query.values.size))
    return class_evidence(query.values, query.variance, parts, model)


def _share(
    query: Query,
    references: ReferenceSet,
    selection: Selection,
    model: ClassModel,
    threshold: float,
    total: float,
) -> float | None:
    """Return the share at which half of the known members would be seen, never below what was proved."""
    shares = [
        detectable_share(
            query, references, selection.fit, [row], threshold=threshold, total_area=total, width=0
        )
        for row, entry in enumerate(references.entries)
        if entry.substance.substance_class == model.name and entry.grade is Grade.MEASURED
    ]
    stated = [share for share in shares if share is not None]
    return round(max(float(np.median(stated)), PROVED_SHARE), 6) if stated else None
