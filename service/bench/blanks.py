"""When a scan counts as a blank, and when a blank may be used."""

from dataclasses import replace
from typing import Any

from spectra.infrared import CrystalState, crystal_clean
from spectra.reasons import Verdict
from spectra.values import Presentation, Spectrum, Technique

from ..errors import UsageError
from .notes import BlankNote, Notes, expired
from .refusals import BlankRefused, BlankUnusable, ResidueFound

_SAMPLE = "treat it as a sample"


def check_blank(identification: dict[str, Any], *, crystal: CrystalState | None = None) -> None:
    """Refuse an empty container that shows what no empty container shows.

    Using such a scan as a blank would explain away the very thing that is looked for.

    Parameters
    ----------
    identification
        The scan identified by itself, without a blank (JSON form).
    crystal
        How clean an ATR crystal is; None for anything else. It judges residues then, for noise alone has
        no reference either.

    Raises
    ------
    ResidueFound
        A watched substance, a watched class, or a residue on the crystal.
    BlankRefused
        Nothing that can be named, but no blank either.
    """
    if alarming(identification):
        raise ResidueFound(f"this is not empty: the scan raises an alarm; {_SAMPLE}")
    if any(part.get("watch_list") or part["controlled"] for part in identification["components"]):
        raise ResidueFound(f"this is not empty: it holds a watched substance; {_SAMPLE}")
    if any(one["detected"] for one in identification["classes"]):
        raise ResidueFound(f"this is not empty: it looks like a watched class; {_SAMPLE}")
    if crystal is not None:
        _check_crystal(crystal)
    elif "unexplained_residual" in identification["reasons"]:
        raise BlankRefused(
            "part of this scan matches no container material; use a clean empty container of the same kind"
        )
    if "saturated" in identification["reasons"]:
        raise BlankRefused("the detector was saturated, so that bands are cut off; lower the exposure")


def crystal_of(spectrum: Spectrum, presentation: Presentation) -> CrystalState | None:
    """Return how clean the crystal in an infrared scan without a sample is; None for another kind of scan.

    Raises
    ------
    SpectrumMismatch
        The spectrum cannot tell.
    """
    if presentation is not Presentation.ATR or spectrum.technique is not Technique.FTIR:
        return None
    return crystal_clean(spectrum)


def _check_crystal(crystal: CrystalState) -> None:
    if not crystal.clean:
        seen = crystal.worst_absorbance > crystal.limit
        raise (ResidueFound if seen else BlankRefused)(crystal.words)


def alarming(identification: dict[str, Any]) -> bool:
    """Whether an identification (JSON form) raises an alarm."""
    return identification["verdict"] in {Verdict.ALARM_NAMED, Verdict.ALARM_CLASS}


def usable_blank(notes: Notes, name: str, device: str) -> BlankNote:
    """Return the blank of a name for a scan on a device now.

    Raises
    ------
    BlankUnusable
        Unknown, expired, or taken with another instrument.
    """
    note = _known(notes, name)
    if expired(note.expires_at):
        raise BlankUnusable(f"blank {name!r} expired at {note.expires_at}; scan the empty container again")
    if note.device != device:
        raise BlankUnusable(f"blank {name!r} was taken with {note.device}, not with {device}; take it again")
    return note


def listed(notes: Notes) -> list[dict[str, Any]]:
    """Return every blank as JSON values, by name; also those that have expired."""
    return [view(note) for note in notes.blanks()]


def rename(notes: Notes, name: str, new_name: str) -> dict[str, Any]:
    """Give a blank another name and return it.

    Raises
    ------
    BlankUnusable
        There is none of that name.
    UsageError
        The new name is taken.
    """
    note = _known(notes, name)
    if name != new_name and notes.blank(new_name) is not None:
        raise UsageError(f"there is a blank {new_name!r} already; retire it first")
    renamed = replace(note, name=new_name)
    notes.keep_blank(renamed, instead_of=name)
    return view(renamed)


def retire(notes: Notes, name: str) -> dict[str, Any]:
    """Forget a blank and return what it was; its scan stays in the archive. Raises `BlankUnusable`."""
    note = _known(notes, name)
    notes.forget_blank(name)
    return view(note)


def _known(notes: Notes, name: str) -> BlankNote:
    note = notes.blank(name)
    if note is None:
        raise BlankUnusable(f"there is no blank {name!r} on this bench; scan the empty container first")
    return note


def view(note: BlankNote) -> dict[str, Any]:
    """Return a blank as JSON values."""
    return {
        "name": note.name,
        "container": note.container,
        "origin": note.origin,
        "device": note.device,
        "scan_id": note.scan_id,
        "taken_at": note.taken_at,
        "expires_at": note.expires_at,
        "expired": expired(note.expires_at),
    }
