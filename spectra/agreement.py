"""What two techniques say of one item, and what that is worth.

Raman and infrared spectroscopy both see vibrations. SWGDRUG (Recommendations 8.1, 2022) wants a second
technique on another principle beside one of category A, counts only positive results, and wants the
limits of what was done written down. So this module says whether the two agree, and always that a
laboratory's confirmation is still due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .reasons import Verdict

#: Classes that say what a molecule is built like. The other classes of substances say what they are used
#: for, and two cutting agents have nothing in common.
STRUCTURAL_CLASSES = frozenset({"fentanyl_analogue", "nitazene"})

#: The rule, in the words of pages and reports.
RULE = (
    "Raman and infrared are both vibrational techniques and count as one principle: "
    "laboratory confirmation by a technique on another principle is still due."
)

ALARMS = (Verdict.ALARM_NAMED, Verdict.ALARM_CLASS)
_WORDS = {"raman": "Raman", "ftir": "infrared"}


class Agreement(StrEnum):
    """How the techniques used on an item stand to each other."""

    ONE_TECHNIQUE = "one_technique"
    """Only one was used."""
    TWO_TECHNIQUES_AGREE = "two_techniques_agree"
    """Both name the same substance, or neither alarms."""
    TWO_TECHNIQUES_CONSISTENT = "two_techniques_consistent"
    """Both alarm, on the same class or on substances that cannot be told apart, but not by one name."""
    ONE_TECHNIQUE_ANSWERS = "one_technique_answers"
    """Both were used, one of them without an answer."""
    TECHNIQUES_DIFFER = "techniques_differ"
    """Only one alarms, or each alarms on something else."""
    NO_TECHNIQUE_ANSWERS = "no_technique_answers"
    """Both were used and neither has an answer."""


@dataclass(frozen=True, slots=True)
class TechniqueSummary:
    """What all attempts with one technique say together."""

    technique: str
    """``raman`` or ``ftir``."""
    verdict: Verdict
    """Combined by the rules of the whole finding."""
    substances: tuple[str, ...]
    """Watch-list substances it names, sorted."""
    classes: tuple[str, ...]
    """Classes it alarms on: detected, or those of the alarming substances; sorted."""
    spots: tuple[int, ...]
    """Spots it looked at, ascending."""
    scan_ids: tuple[str, ...]
    """Scans it rests on, sorted; those without an id are left out."""
    alternatives: tuple[str, ...] = ()
    """Names that fit its substances' spectra as well, sorted."""
    detected: tuple[str, ...] = ()
    """Classes it detected without a name, sorted."""

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON values, as findings carry it."""
        return {
            "technique": self.technique,
            "verdict": str(self.verdict),
            "substances": list(self.substances),
            "classes": list(self.classes),
            "spots": list(self.spots),
            "scan_ids": list(self.scan_ids),
        }


def summary_of(
    technique: str, verdict: Verdict, identifications: Sequence[Mapping[str, Any]]
) -> TechniqueSummary:
    """Gather what the identifications (JSON form) of one technique say.

    Parameters
    ----------
    technique
        Of all of them.
    verdict
        What they say together.
    identifications
        At least one.
    """
    alarming = [one for one in identifications if one["verdict"] in ALARMS]
    parts = [part for one in alarming for part in watched_parts(one)]
    named = [part for one in alarming if one["verdict"] == Verdict.ALARM_NAMED for part in watched_parts(one)]
    detected = {each["class"] for one in alarming for each in one.get("classes", ()) if each["detected"]}
    of_parts = {part.get("class", "") for part in parts} - {""}
    return TechniqueSummary(
        technique=technique,
        verdict=verdict,
        substances=_sorted(part["substance"] for part in named),
        classes=_sorted(detected | of_parts),
        spots=tuple(sorted({int(one.get("spot", 1)) for one in identifications})),
        scan_ids=_sorted({str(one.get("scan_id", "")) for one in identifications} - {""}),
        alternatives=_sorted(name for part in named for name in part.get("alternatives", ())),
        detected=_sorted(detected),
    )


def watched_parts(identification: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the components an identification (JSON form) alarms on: watch-list content."""
    return [
        part
        for part in identification.get("components", ())
        if part.get("watch_list", part["controlled"]) and part.get("role", "content") == "content"
    ]


def agreement_of(summaries: Sequence[TechniqueSummary]) -> tuple[Agreement, str]:
    """Compare what one or two techniques say; return how they stand and a sentence with the rule.

    The answer does not depend on their order.
    """
    if len(summaries) < 2:
        only = _WORDS.get(summaries[0].technique, summaries[0].technique)
        other = {"Raman": "infrared", "infrared": "Raman"}.get(only, "another technique")
        return Agreement.ONE_TECHNIQUE, f"Only {only} was used; {other} has not looked. {RULE}"
    # with two members in Technique there is no third
    left, right = sorted(summaries, key=lambda one: one.technique != "raman")[:2]
    silent = [one for one in (left, right) if one.verdict is Verdict.INCONCLUSIVE]
    if len(silent) == 2:
        return Agreement.NO_TECHNIQUE_ANSWERS, f"Neither Raman nor infrared has an answer. {RULE}"
    if silent:
        answering = right if silent[0] is left else left
        words = f"Only {_word(answering)} has an answer, {_word(silent[0])} is inconclusive. {RULE}"
        return Agreement.ONE_TECHNIQUE_ANSWERS, words
    alarming = [one for one in (left, right) if one.verdict in ALARMS]
    if not alarming:
        words = f"Neither Raman nor infrared alarms. {RULE}"
        return Agreement.TWO_TECHNIQUES_AGREE, words
    if len(alarming) == 1:
        quiet = right if alarming[0] is left else left
        where = "" if set(left.spots) & set(right.spots) else ", at another spot"
        words = (
            f"{_first(_word(alarming[0]))} alarms, {_word(quiet)} does not{where}; the alarm stands. {RULE}"
        )
        return Agreement.TECHNIQUES_DIFFER, words
    return _of_alarms(left, right)


def _of_alarms(left: TechniqueSummary, right: TechniqueSummary) -> tuple[Agreement, str]:
    same = _common(left.substances, right.substances)
    if same:
        return Agreement.TWO_TECHNIQUES_AGREE, f"Raman and infrared both name {', '.join(same)}. {RULE}"
    # beside a technique that gives no name, its class is all there is to compare
    nameless = [name for one in (left, right) if not one.substances for name in one.classes]
    telling = STRUCTURAL_CLASSES | {*left.detected, *right.detected, *nameless}
    shared = [one for one in _common(left.classes, right.classes) if one in telling]
    if shared:
        names = ", ".join(one.replace("_", " ") for one in shared)
        words = f"Raman and infrared both alarm on the class {names}, without one name. {RULE}"
        return Agreement.TWO_TECHNIQUES_CONSISTENT, words
    near = {*_common(left.alternatives, right.substances), *_common(right.alternatives, left.substances)}
    if near:
        words = f"{', '.join(sorted(near))} is named by one of Raman and infrared and fits the other. {RULE}"
        return Agreement.TWO_TECHNIQUES_CONSISTENT, words
    about = " and ".join(_about(one) for one in (left, right))
    return Agreement.TECHNIQUES_DIFFER, f"Raman and infrared alarm on different things: {about}. {RULE}"


def _about(one: TechniqueSummary) -> str:
    told = one.substances or tuple(each.replace("_", " ") for each in one.classes) or ("a name withheld",)
    return f"{', '.join(told)} ({_word(one)})"


def _common(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Return the names of the left that the right has too, whatever their case."""
    known = {name.casefold() for name in right}
    return [name for name in left if name.casefold() in known]


def _word(one: TechniqueSummary) -> str:
    return _WORDS.get(one.technique, one.technique)


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sorted(names: Any) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
