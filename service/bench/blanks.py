"""When a scan counts as a blank, and when a blank may be used."""

from typing import Any

from spectra.reasons import Verdict

from .notes import BlankNote, Notes, expired
from .refusals import BlankUnusable


def check_blank(identification: dict[str, Any]) -> None:
    """Raise `BlankUnusable` when an empty container shows what no empty container shows.

    Using such a scan as a blank would explain away the very thing that is looked for.

    Parameters
    ----------
    identification
        The scan identified by itself, without a blank (JSON form).
    """
    if identification["verdict"] in {Verdict.ALARM_NAMED, Verdict.ALARM_CLASS}:
        raise BlankUnusable("this is no empty container: the scan raises an alarm; treat it as a sample")
    if any(part.get("watch_list") or part["controlled"] for part in identification["components"]):
        raise BlankUnusable("this is no empty container: it holds a watched substance; treat it as a sample")
    if any(one["detected"] for one in identification["classes"]):
        raise BlankUnusable("this is no empty container: it looks like a watched class; treat it as a sample")
    if "unexplained_residual" in identification["reasons"]:
        raise BlankUnusable(
            "part of this scan matches no container material; use a clean empty container of the same kind"
        )


def usable_blank(notes: Notes, name: str, device: str) -> BlankNote:
    """Return the blank of a name for a scan on a device now.

    Raises
    ------
    BlankUnusable
        Unknown, expired, or taken with another instrument.
    """
    note = notes.blank(name)
    if note is None:
        raise BlankUnusable(f"there is no blank {name!r} on this bench; scan the empty container first")
    if expired(note.expires_at):
        raise BlankUnusable(f"blank {name!r} expired at {note.expires_at}; scan the empty container again")
    if note.device != device:
        raise BlankUnusable(f"blank {name!r} was taken with {note.device}, not with {device}; take it again")
    return note
