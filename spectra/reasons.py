"""The one table of reasons: what each blocks, what to do next, and who owns the next step."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The four answers a scan can have."""

    ALARM_NAMED = "alarm_named"
    ALARM_CLASS = "alarm_class"
    NO_ALARM = "no_alarm"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is not stronger than it is."""

    code: str
    """Word used in records, programs and statistics."""
    text: str
    """The finding, in a sentence for people."""
    next_step: str
    """What the owner does now."""
    owner: str
    """``officer``, ``technician`` or ``supervisor``."""
    blocks: frozenset[Verdict] = frozenset()
    """Verdicts that may not be given while the reason stands."""


_NO = frozenset({Verdict.NO_ALARM})
_NAME = frozenset({Verdict.NO_ALARM, Verdict.ALARM_NAMED})
_ALL = frozenset({Verdict.NO_ALARM, Verdict.ALARM_NAMED, Verdict.ALARM_CLASS})

_TABLE = (
    Reason(
        "container_only",
        "Only the container was seen.",
        "Open the container or turn the item, then scan again.",
        "officer",
        _NO,
    ),
    Reason(
        "weak_signal",
        "The signal is too weak to judge.",
        "Move the probe closer, raise the exposure and scan again; after two tries, refer.",
        "officer",
        _NO,
    ),
    Reason(
        "saturated",
        "The detector was saturated.",
        "Lower the exposure or the laser power and scan again.",
        "officer",
        _ALL,
    ),
    Reason(
        "fluorescence",
        "Fluorescence hides the Raman signal.",
        "Wait a minute with the laser on the spot or choose another spot; then use FTIR or refer.",
        "officer",
        _NO,
    ),
    Reason(
        "unexplained_residual",
        "Part of the signal matches no reference.",
        "Refer to the laboratory: something here is not in the library.",
        "technician",
    ),
    Reason(
        "mixture_unresolved",
        "A watch-list substance fits, but no better than another reference, or only in part.",
        "Scan another spot; if it stays, refer.",
        "officer",
        _NAME,
    ),
    Reason(
        "component_ambiguous",
        "Something beside what is named seems to be there, but it cannot be said what.",
        "Scan another spot; where it matters what it is, refer.",
        "technician",
    ),
    Reason(
        "axis_unverified",
        "The instrument has no valid verification of its axis.",
        "Verify the instrument with the polystyrene standard, then scan again.",
        "officer",
        _NO,
    ),
    Reason(
        "axis_suspect",
        "The bands sit too far from where they belong.",
        "Verify or recalibrate the instrument; do not rely on this scan.",
        "technician",
        _NAME,
    ),
    Reason(
        "calibration_expired",
        "The calibration is out of date.",
        "Recalibrate the instrument.",
        "technician",
        _NO,
    ),
    Reason(
        "verification_failed",
        "The last verification failed.",
        "Take the instrument out of use and recalibrate it.",
        "technician",
        _NAME,
    ),
    Reason(
        "out_of_range",
        "The scan does not cover the range the method needs.",
        "Use an instrument or setting that covers the fingerprint range.",
        "technician",
        _ALL,
    ),
    Reason(
        "method_stale",
        "The method is past its expiry.",
        "Update the method, then scan again.",
        "technician",
        _NO,
    ),
    Reason(
        "watchlist_not_covered",
        "A watch-list substance has no usable reference in this technique.",
        "Use the other technique or refer; nothing can be excluded that has no reference.",
        "technician",
        _NO,
    ),
    Reason(
        "limit_too_high",
        "A watch-list substance could be hidden above the agency's limit.",
        "Scan longer, open the container, or refer.",
        "officer",
        _NO,
    ),
    Reason(
        "class_untrained",
        "The method has too few measured members to recognise a class.",
        "Add measured references of the class, or refer.",
        "technician",
        _NO,
    ),
    Reason(
        "hint_only",
        "The evidence rests on published band tables, not on measured references.",
        "Refer for confirmation.",
        "officer",
    ),
    Reason("borderline", "The decision lies close to its threshold.", "Scan another spot.", "officer"),
    Reason(
        "name_withheld",
        "The instrument may not name a substance in its present state.",
        "Treat as an alarm; verify the instrument and scan again.",
        "officer",
        frozenset({Verdict.ALARM_NAMED}),
    ),
    Reason(
        "grade_may_not_name",
        "The reference behind this match may not name a controlled substance.",
        "Treat as an alarm and refer for confirmation.",
        "officer",
        frozenset({Verdict.ALARM_NAMED}),
    ),
    Reason(
        "reference_unauthenticated",
        "Nobody has vouched for the sample behind this match, so it may not name a controlled substance.",
        "Treat as an alarm and refer for confirmation; have the reference authenticated.",
        "technician",
        frozenset({Verdict.ALARM_NAMED}),
    ),
    Reason(
        "not_in_library",
        "No reference explains the signal.",
        "Scan another spot; then refer to the laboratory.",
        "officer",
    ),
    Reason(
        "class_member_unknown",
        "It looks like a member of a watched class that the library does not hold.",
        "Treat as an alarm and refer to the laboratory for confirmation.",
        "officer",
    ),
    Reason(
        "blank_noisy",
        "The blank is too noisy to be taken for the container.",
        "Measure the blank again, longer, then scan again.",
        "officer",
        _NAME,
    ),
)

#: Every reason by its code. The order is the order in which records and pages list them.
REASONS: dict[str, Reason] = {reason.code: reason for reason in _TABLE}


def blocked(codes: tuple[str, ...] | list[str]) -> frozenset[Verdict]:
    """Return the verdicts that a set of reasons forbids.

    Raises
    ------
    KeyError
        A code that the table does not know.
    """
    return frozenset[Verdict]().union(*(REASONS[code].blocks for code in codes))


def next_steps(codes: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the next steps for a set of reasons, in the table's order, without repeats."""
    wanted = [REASONS[code].next_step for code in REASONS if code in codes]
    return tuple(dict.fromkeys(wanted))
