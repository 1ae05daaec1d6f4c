"""The device's own answer beside ours: whether they agree, and in which words that is said."""

from collections.abc import Mapping
from typing import Any

from library.substances import SubstanceTable
from spectra.reasons import Verdict

Answer = dict[str, Any]

AGREE, DISAGREE, SILENT, OPEN = "agreement", "disagreement", "device_silent", "not_comparable"
_ALARMS = {Verdict.ALARM_NAMED, Verdict.ALARM_CLASS}


def compare(identification: Mapping[str, Any], device_answer: Any) -> Answer:
    """Hold a device's answer against ours.

    Two names agree when the substance table knows them as one substance, or they are written alike. An
    answer of ours is never changed by it: a device that is sure may be wrong, and so may we.

    Parameters
    ----------
    identification
        Ours (JSON form).
    device_answer
        The scan's ``settings["device_answer"]``; anything else than such an object counts as none.

    Returns
    -------
    dict
        ``relation``: agreement, disagreement, device_silent or not_comparable; ``device`` and ``ours`` in
        words; ``figure``: the device's match figure; ``proven``: whether the field's meaning is confirmed;
        ``words``: all of it in a sentence.
    """
    said = device_answer if isinstance(device_answer, dict) else {}
    device, figure = str(said.get("name") or ""), said.get("figure")
    ours = _ours(identification)
    alarm = identification["verdict"] in _ALARMS
    relation = _relation(device, ours, identification, alarm=alarm, answered=bool(said))
    return {
        "relation": relation,
        "device": device or (str(said.get("text") or "") if said else ""),
        "figure": figure if isinstance(figure, int | float) else None,
        "ours": ", ".join(ours) or str(identification["verdict"]),
        "proven": said.get("proven") is True,
        "words": _WORDS[relation],
    }


_WORDS = {
    AGREE: "The device and this bench name the same.",
    DISAGREE: "THE DEVICE AND THIS BENCH DISAGREE. Neither is proof: hold the parcel and have it examined.",
    SILENT: "The device's files hold no answer of its own.",
    OPEN: "The device named something that this bench can neither confirm nor exclude.",
}


def _ours(identification: Mapping[str, Any]) -> list[str]:
    parts = [part["substance"] for part in identification["components"] if part["role"] == "content"]
    return parts + [one["class"] for one in identification["classes"] if one["detected"]]


def _relation(
    device: str, ours: list[str], identification: Mapping[str, Any], *, alarm: bool, answered: bool
) -> str:
    if not device:
        return DISAGREE if alarm and answered else SILENT
    table = SubstanceTable.shipped()
    theirs = table.resolve(device)
    same = {_known(table, name) for name in ours} & {_known(table, device)}
    if same or (theirs is not None and theirs.substance_class in ours):
        return AGREE
    if ours or alarm:
        return DISAGREE
    controlled = theirs is not None and theirs.controlled
    return DISAGREE if controlled and identification["verdict"] == Verdict.NO_ALARM else OPEN


def _known(table: SubstanceTable, name: str) -> str:
    """Return the preferred name of a substance, or the name itself, as comparisons need it."""
    found = table.resolve(name)
    return "".join(filter(str.isalnum, (found.name if found else name).casefold()))
