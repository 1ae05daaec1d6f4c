"""From evidence to a verdict with its reasons: the rules of the answer."""

from dataclasses import dataclass, replace
from typing import Any

from .answer import Component, InstrumentState, Quality
from .method import Method
from .reasons import REASONS, Verdict, blocked
from .references import Grade

#: Below this signal-to-noise ratio a scan without any finding is too weak to judge.
WEAK_SNR = 8.0

#: Background over bands above which a scan without any finding is called fluorescent.
FLUORESCENT = 30.0

#: Share of the query's energy that may stay unexplained before it is said.
UNEXPLAINED = 0.10

#: Share of the recipe's range a scan must cover.
COVERAGE = 0.8

#: What stands in place of a name the instrument may not give at the moment.
WITHHELD = "(name withheld)"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the search found, before it is judged."""

    components: tuple[Component, ...]
    """References that may be named by their fit."""
    doubtful: tuple[str, ...]
    """Substances that passed their threshold but leave too large a residual."""
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
    classes = _classes(method, hints)
    watched_doubts = [name for name in evidence.doubtful if method.watched([name])]
    if alarms:
        verdict = Verdict.ALARM_NAMED
        if all(c.evidence == Grade.DERIVED and c.controlled and not method.training for c in alarms):
            reasons.add("grade_may_not_name")
        reasons -= {"weak_signal", "container_only", "not_in_library"}
    elif any(one["detected"] for one in classes):
        verdict = Verdict.ALARM_CLASS
        reasons.add("hint_only")
    else:
        verdict = Verdict.NO_ALARM
        reasons |= _negative_reasons(evidence, method)
        if watched_doubts:
            reasons.add("mixture_unresolved")
    forbidden = blocked(sorted(reasons))
    if verdict is Verdict.ALARM_NAMED and verdict in forbidden:
        verdict = Verdict.ALARM_CLASS
        reasons.add("name_withheld")
        components = tuple(_withheld(c) if c.watch_list and c.role == "content" else c for c in components)
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
    if evidence.unexplained > UNEXPLAINED:
        reasons.add("unexplained_residual")
    if content:
        return reasons
    if quality.snr < WEAK_SNR:
        reasons.add("weak_signal")
    elif (evidence.blank or components) and evidence.unexplained <= UNEXPLAINED:
        reasons.add("container_only")
    elif quality.fluorescence_ratio > FLUORESCENT:
        reasons.add("fluorescence")
    else:
        reasons.add("not_in_library")
    return reasons


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
    if method.classes:
        reasons.add("class_untrained")
    return reasons


def _classes(method: Method, hints: tuple[Component, ...]) -> tuple[dict[str, Any], ...]:
    """Report every class the method answers for, or has a hint of."""
    found = {c.substance_class: c for c in hints if c.watch_list or c.controlled}
    asked = dict.fromkeys([*method.classes, *found])
    result: list[dict[str, Any]] = []
    for name in asked:
        hint = found.get(name)
        basis = (
            f"bands published for a member of the class at {', '.join(map(str, hint.bands_cm1))} cm⁻¹"
            if hint
            else "untrained: the method has too few measured members of this class"
        )
        result.append(
            {
                "class": name,
                "detected": hint is not None,
                "p_value": hint.p_value if hint else None,
                "basis": basis,
            }
        )
    return tuple(result)


def _withheld(component: Component) -> Component:
    return replace(component, substance=WITHHELD, reference_id="", alternatives=())
