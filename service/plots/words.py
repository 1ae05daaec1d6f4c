"""What a picture of an answer says: no more than the answer itself."""

from collections.abc import Sequence
from pathlib import PurePath

from spectra.answer import WITHHELD, Component, Identification
from spectra.reasons import REASONS, Verdict
from spectra.values import Technique

from ..words import WORDS
from .style import drawable

PRESUMPTIVE = "Presumptive: laboratory confirmation is still due."
TRAINING = "TRAINING: NOT A REAL RESULT"
#: Name of the blank among the curves of an answer.
BLANK = "blank"
#: Longest name of a component in a legend, characters.
_NAME = 34


def label_of(name: str, component: Component | None, answer: Identification) -> str:
    """Return what a component is called: its name, what it is, and its share of the area."""
    if name == BLANK:
        return "empty container (blank)"
    if component is None:
        # A reference that fits without being named: its name may be the very one that is withheld.
        told = answer.verdict is not Verdict.ALARM_CLASS and "name_withheld" not in answer.reasons
        return f"{drawable(name, _NAME)}? (fits in part, not named)" if told else "reference not named"
    share = f"{component.spectral_share:.0%} of the area"
    kind = "container, " if component.role == "container" else ""
    watched = "watch list, " if component.watch_list and component.role == "content" else ""
    return f"{drawable(name, _NAME)} ({kind}{watched}{share})"


def heading_of(answer: Identification) -> str:
    """Return the verdict with its symbol and what it is about; a class alarm names no substance."""
    words = WORDS[answer.verdict]
    named: Sequence[str] = ()
    if answer.verdict is Verdict.ALARM_NAMED:
        contents = [one for one in answer.components if one.role == "content" and one.substance != WITHHELD]
        named = [one.substance for one in contents if one.watch_list]
    elif answer.verdict is Verdict.ALARM_CLASS:
        named = [str(one["class"]).replace("_", " ") for one in answer.classes if one["detected"]]
    about = f": {', '.join(named)}" if named else ""
    return drawable(f"{words.symbol} {words.word}{about}", 70)


def cited_of(answer: Identification) -> str:
    """Return file, technique, and the method with its version, in one line."""
    method = answer.provenance.get("method", {})
    name, version = method.get("name", "?"), method.get("version", "?")
    source = PurePath(answer.source).name or answer.scan_id[:12]
    laser = f" at {answer.laser_nm:g} nm" if answer.laser_nm else ""
    technique = {Technique.RAMAN: "Raman", Technique.FTIR: "infrared"}[answer.technique]
    told = [f"{technique}{laser}", f"method {drawable(str(name), 40)}, version {version}"]
    return " · ".join([*([drawable(source, 50)] if source else []), *told])


def reasons_of(answer: Identification) -> tuple[tuple[str, str], ...]:
    """Return each reason with its next step; an alarm's own step comes first."""
    words = WORDS[answer.verdict]
    told = [(REASONS[code].text, REASONS[code].next_step) for code in answer.reasons if code in REASONS]
    if answer.verdict.value.startswith("alarm") or not told:
        told.insert(0, (words.sentence, words.step))
    return tuple(told)
