"""Class models: whether a scan holds a member of a class that the library does not hold.

A model keeps the spectra it was fitted from (members of a class, and negatives) and three
choices made inside the fit; nothing else is learned. Read `class_views` (in what members look
alike), `class_scores` (how a scan is scored), `class_fit` with `class_draws` (how the choices are
made), `class_evidence` (what is said of a scan), `class_crossval` (how good that is on members
never seen).
"""

from .class_evidence import ClassEvidence, class_evidence, counts_as_known
from .class_fit import fit_class_model
from .class_value import MIN_CLASS_MEMBERS, ClassModel

__all__ = [
    "MIN_CLASS_MEMBERS",
    "ClassEvidence",
    "ClassModel",
    "class_evidence",
    "counts_as_known",
    "fit_class_model",
]
