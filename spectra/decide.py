"""From evidence to a verdict with its reasons: the rules of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .answer import WITHHELD, Component, InstrumentState, Quality
from .method import Method
from .query import NOISY_BLANK
from .reasons import REASONS, Verdict, blocked
from .references import Grade

#: Below this signal-to-noise ratio a scan without any finding is too weak to judge.
WEAK_SNR = 8.0

#: Background over bands above which a scan without any finding is called fluorescent.
FLUORESCENT = 30.0

#: Share of area above which a negative must exclude a class: what recognising unknown members was proved
#: at is one part in two. Chosen; an agency that needs less refers.
CLASS_LIMIT = 0.5

#: Share of the query's energy that may stay unexplained before it is said.
UNEXPLAINED = 0.10

#: Share of the recipe's range a scan must cover.
COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class ClassFinding:
    """What a scan says about a class whose members the library need not hold."""

    name: str
    """The class."""
    detected: bool
    """Whether the evidence reaches the rate the class may spend."""
    p_value: float
    """Share of held-out negatives that score at least as much."""
    basis: str
    """What it rests on, in words."""
    detectable_share: float | None
    """Share from which a member like the known ones would be seen; None where nothing can be said."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the search found, before it is judged."""

    components: tuple[Component, ...]
    """References that may be named by their fit."""
    doubtful: tuple[str, ...]
    """Substances that passed their threshold but leave too large a residual or have an equal rival, with
    these rivals, and alternatives of those that are named."""
    unresolved: bool
    """Whether unlike references explain the scan equally well, or something beside them is likely there."""
    unexplained: float
    """Share of energy beyond noise and mismatch that nothing explains."""
    blank: bool
    """Whether a blank of the container was given."""
    quality: Quality
    """Figures of the scan."""
    limits: tuple[dict[str, Any], ...]
    """What the negative does not exclude."""
    axis_at_bound: bool
    """Whether a sharp match sits at the end of the fitted shifts."""
    coverage: float
    """Share of the recipe's range that was measured."""
    blank_noise: float = 0.0
    """Share of the blank's energy that is its own noise."""
    classes: tuple[ClassFinding, ...] = ()
    """What the scan says about each trained class."""
    barred: Mapping[str, str] = field(default_factory=dict)
    """Identifiers of references that may not name their substance, with the code of the reason."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The judged evidence."""

    verdict: Verdict
    reasons: tuple[str, ...]
    components: tuple[Component, ...]
    classes: tuple[dict[str, Any], ...]


def decide(evidence: Evidence, method: Method, state: InstrumentState) -> Decision:
    """Judge evidence by the method's watch list and the instrument's state.

    An alarm outranks every doubt about the instrument; doubts only withhold the name or
    forbid *no alarm*.
    """
    components = tuple(c for c in evidence.components if c.evidence != Grade.LITERATURE)
    hints = tuple(c for c in evidence.components if c.evidence == Grade.LITERATURE)
    reasons = {*_scan_reasons(evidence, components), *_state_reasons(state)}
    alarms = [c for c in components if c.watch_list and c.role == "content"]
    classes = _classes(method, hints, evidence.classes)
    watched_doubts = [name for name in evidence.doubtful if method.watched([name])]
    if alarms:
        verdict = Verdict.ALARM_NAMED
        if all(c.reference_id in evidence.barred for c in alarms):
            reasons |= {evidence.barred[c.reference_id] for c in alarms}
        reasons -= {"weak_signal", "container_only", "not_in_library"}
    elif any(one["detected"] for one in classes):
        verdict = Verdict.ALARM_CLASS
        reasons.add("class_member_unknown" if any(one.detected for one in evidence.classes) else "hint_only")
        reasons -= {"weak_signal", "container_only", "not_in_library"}
    else:
        verdict = Verdict.NO_ALARM
        reasons |= _negative_reasons(evidence, method)
        if watched_doubts:
            reasons.add("mixture_unresolved")
    forbidden = blocked(sorted(reasons))
    if verdict is Verdict.ALARM_NAMED and verdict in forbidden:
        verdict = Verdict.ALARM_CLASS
        reasons.add("name_withheld")
        components = tuple(_withheld(c) if c in alarms else c for c in components)
    components = tuple(_withheld(c) if c.reference_id in evidence.barred else c for c in components)
    if verdict is Verdict.NO_ALARM and verdict in forbidden:
        verdict = Verdict.INCONCLUSIVE
    ordered = tuple(code for code in REASONS if code in reasons)
    return Decision(verdict, ordered, components, classes)


def _scan_reasons(evidence: Evidence, components: tuple[Component, ...]) -> set[str]:
    """Return what the scan itself gives reason for."""
    reasons = set()
    quality = evidence.quality
    content = [c for c in components if c.role == "content"]
    if evidence.coverage < COVERAGE:
        reasons.add("out_of_range")
    if quality.saturated:
        # Flat tops fit nothing; what else could be said of such a scan would mislead.
        return reasons | {"saturated"}
    if evidence.axis_at_bound:
        reasons.add("axis_suspect")
    if evidence.blank_noise > NOISY_BLANK:
        reasons.add("blank_noisy")
    if evidence.unexplained > UNEXPLAINED:
        reasons.add("unexplained_residual")
    if evidence.unresolved:
        reasons.add("component_ambiguous")
    return reasons if content else reasons | _silence(evidence, components)


def _silence(evidence: Evidence, components: tuple[Component, ...]) -> set[str]:
    """Return why no content was named; where fluorescence makes the noise, both are said."""
    quality = evidence.quality
    hidden = {"fluorescence"} if quality.fluorescence_ratio > FLUORESCENT else set()
    if quality.snr < WEAK_SNR:
        return {"weak_signal"} | hidden
    if (evidence.blank or components) and evidence.unexplained <= UNEXPLAINED:
        return {"container_only"} | hidden
    return hidden or {"not_in_library"}


def _state_reasons(state: InstrumentState) -> set[str]:
    """Return what the instrument's state gives reason for."""
    reasons = set()
    if state.axis in {"missing", "overdue"}:
        reasons.add("axis_unverified")
    if state.axis == "failed":
        reasons.add("verification_failed")
    if state.calibration_expired:
        reasons.add("calibration_expired")
    if state.method_stale:
        reasons.add("method_stale")
    return reasons


def _negative_reasons(evidence: Evidence, method: Method) -> set[str]:
    """Return what forbids calling a scan without an alarm a negative."""
    reasons = set()
    limit = {item.substance: item.limit_share for item in method.watch_list}
    shares = {one["substance"]: one["detectable_share"] for one in evidence.limits}
    if not limit or any(share is None for share in shares.values()):
        reasons.add("watchlist_not_covered")
    if any(share is not None and share > limit[name] for name, share in shares.items()):
        reasons.add("limit_too_high")
    judged = {one.name: one.detectable_share for one in evidence.classes}
    for name in method.classes:
        share = judged.get(name)
        if name not in judged:
            reasons.add("class_untrained")
        elif share is None or share > CLASS_LIMIT:
            reasons.add("limit_too_high")
    return reasons


def _classes(
    method: Method, hints: tuple[Component, ...], judged: tuple[ClassFinding, ...]
) -> tuple[dict[str, Any], ...]:
    """Report every class the method answers for, or has a hint of."""
    hinted = {c.substance_class: c for c in hints if c.watch_list or c.controlled}
    found = {one.name: one for one in judged}
    return tuple(
        _class(name, found.get(name), hinted.get(name)) for name in dict.fromkeys([*method.classes, *hinted])
    )


def _class(name: str, judged: ClassFinding | None, hint: Component | None) -> dict[str, Any]:
    """Report one class: trained evidence first, then published bands, then that nothing can be said."""
    if judged is not None and (judged.detected or hint is None):
        detected, p_value, basis = judged.detected, judged.p_value, judged.basis
    elif hint is not None:
        bands = ", ".join(map(str, hint.bands_cm1))
        detected, p_value = True, hint.p_value
        basis = f"bands published for a member of the class at {bands} cm⁻¹"
    else:
        detected, p_value = False, None
        basis = "untrained: the method has too few measured members of this class"
    return {"class": name, "detected": detected, "p_value": p_value, "basis": basis}


def _withheld(component: Component) -> Component:
    return replace(component, substance=WITHHELD, reference_id="", alternatives=())
