"""Change the facts of an entry, never its numbers; remove an entry. Who, when and why are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from spectra.references import ReferenceEntry, Substance

from .assignments import ENTRY_FIELDS, SUBSTANCE_FIELDS, Assignment, value_of
from .changes import EDITED, change_library
from .documenting import Papers, moment_of, with_papers
from .errors import EditRefused
from .names import fold_name
from .store import Library
from .substances import SubstanceTable, is_controlled

#: Facts a new name brings along from the substance table, where the same command does not set them.
_FROM_TABLE = ("substance_class", "schedule", "jurisdiction", "cas", "inchikey")
_GONE = "its authentication was of what it was called before, and is gone: authenticate again"


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did."""

    library: Library
    """The library as it is now."""
    entry: ReferenceEntry
    """The entry as it is now, or as it was where it was removed."""
    changes: tuple[tuple[str, str, str], ...] = ()
    """Field, old and new value of each change."""
    warnings: tuple[str, ...] = ()
    """What the person should know."""


def edit_entry(
    path: Path,
    key: str,
    assignments: Sequence[Assignment],
    *,
    by: str,
    at: str,
    reason: str = "",
    papers: Papers | None = None,
    table: SubstanceTable | None = None,
) -> Edited:
    """Change facts of an entry of a library.

    Parameters
    ----------
    path
        The library.
    key
        Identifier of the entry, or a name that only it has.
    assignments
        What to set.
    by, at, reason
        Who, when (RFC 3339) and why; kept in the entry's history and in the library's journal.
    papers
        Who vouches for the entry as it is after the change, and on what grounds; in place of another's
        word it needs a reason.
    table
        Substance table; the shipped one when None.

    Raises
    ------
    EntryNotFound
        No such entry, or several.
    EditRefused
        Nothing would change, or the change may not be made.
    AuthenticationRefused
        Nobody can vouch for it like that.
    LibraryError
        The library cannot be read or written; it is left as it was.
    """
    told: list[Edited] = []

    def change(library: Library) -> tuple[Sequence[ReferenceEntry], dict[str, Any]]:
        old = library.entry(key)
        new, warnings = changed(old, assignments, table or SubstanceTable.shipped(), reason=reason)
        if papers is not None:
            new = _vouched(old, new, papers, at=at, reason=reason)
            warnings = tuple(one for one in warnings if one != _GONE)
        changes = differences(old, new)
        if not changes:
            raise EditRefused(f"{old.reference_id}: that is what it says already")
        new = with_history(new, changes, by=by, at=at, reason=reason)
        told.append(Edited(library, new, changes, warnings))
        said = {"action": "edit", "at": at, "by": by, "entry": old.reference_id, "reason": reason}
        listed = [{"field": field, "old": was, "new": now} for field, was, now in changes]
        return [new if one is old else one for one in library.entries], {**said, "changes": listed}

    library = change_library(path, change)
    return replace(told[0], library=library, entry=library.entry(told[0].entry.reference_id))


def _vouched(
    old: ReferenceEntry, new: ReferenceEntry, papers: Papers, *, at: str, reason: str
) -> ReferenceEntry:
    if old.authentication is not None and not reason.strip():
        raise EditRefused(
            f"{old.reference_id}: {old.authentication.authenticated_by} vouches for it already; in place of "
            "that word say --reason"
        )
    # Whatever a new name took away, the bench's own record is still of this spectrum.
    return with_papers(replace(new, authentication=old.authentication), papers, now=moment_of(at))


def remove_entry(path: Path, key: str, *, by: str, at: str, reason: str) -> Edited:
    """Remove an entry from a library; the journal keeps its identifier, name and whether it was controlled.

    Raises
    ------
    EntryNotFound
        No such entry, or several.
    EditRefused
        No reason is given.
    LibraryError
        The library cannot be read or written; it is left as it was.
    """
    if not reason.strip():
        raise EditRefused("removing an entry needs a reason")
    gone: list[ReferenceEntry] = []

    def change(library: Library) -> tuple[Sequence[ReferenceEntry], dict[str, Any]]:
        entry = library.entry(key)
        gone.append(entry)
        said = {"action": "remove", "at": at, "by": by, "entry": entry.reference_id, "reason": reason}
        facts = {"substance": entry.substance.name, "controlled": entry.substance.controlled}
        return [one for one in library.entries if one is not entry], {**said, **facts}

    return Edited(change_library(path, change), gone[0])


def changed(
    entry: ReferenceEntry, assignments: Sequence[Assignment], table: SubstanceTable, *, reason: str
) -> tuple[ReferenceEntry, tuple[str, ...]]:
    """Return an entry with facts set, and what the person should know.

    A new name that the table knows brings the table's facts along. Control is raised by the table and by
    the schedule, and lowered by ``controlled=no`` with a reason alone.
    """
    substance, more = entry.substance, {}
    for one in assignments:
        if one.field in SUBSTANCE_FIELDS:
            field = SUBSTANCE_FIELDS[one.field]
            substance = replace(substance, **{field: value_of(one, substance.synonyms)})
        else:
            more[one.field] = value_of(one, ())
    asked = {one.field: one.value for one in assignments}
    form = str(more.get("form", entry.form))
    if "name" in asked:
        substance = _renamed(entry.substance, substance, asked, table, form)
    substance, warnings = _controlled(entry.substance, substance, asked, table, form, reason)
    edited = replace(entry, substance=substance, **more)
    if entry.authentication is not None and not _still_the_same(entry, edited, table):
        warnings += (_GONE,)
        edited = replace(edited, authentication=None)
    return edited, warnings


def _still_the_same(old: ReferenceEntry, new: ReferenceEntry, table: SubstanceTable) -> bool:
    """Whether an authentication of one still stands for the other: another spelling is no other substance."""
    before, after = old.substance, new.substance
    known = table.resolve(before.name), table.resolve(after.name)
    renamed = fold_name(before.name) != fold_name(after.name) and (known[0] is None or known[0] != known[1])
    identified = {(one.cas, one.inchikey) for one in (before, after)}
    return not renamed and (len(identified) == 1 or known[0] is not None) and old.form == new.form


def _renamed(
    old: Substance, new: Substance, asked: dict[str, str], table: SubstanceTable, form: str
) -> Substance:
    known = table.resolve(new.name) or table.resolve(new.name, form=form)
    if known is None:
        return new
    given = {SUBSTANCE_FIELDS.get(field, field) for field in asked}
    facts = {field: getattr(known, field) for field in _FROM_TABLE if field not in given}
    if "synonyms" not in given:
        own = fold_name(new.name)
        facts["synonyms"] = tuple(n for n in (known.name, *known.synonyms) if fold_name(n) != own)
    return replace(new, **facts, source=known.source if known.source != old.source else old.source)


def _controlled(
    old: Substance, new: Substance, asked: dict[str, str], table: SubstanceTable, form: str, reason: str
) -> tuple[Substance, tuple[str, ...]]:
    known = table.resolve(new.name) or table.resolve(new.name, form=form)
    known = known or table.by_identifier(inchikey=new.inchikey, cas=new.cas)
    listed = known is not None and known.controlled
    if "controlled" in asked:
        if old.controlled and not new.controlled and not reason.strip():
            raise EditRefused("controlled=no needs a reason: say --reason")
        warnings: tuple[str, ...] = ()
        if old.controlled and not new.controlled:
            warnings = ("it counts as not controlled from now on",)
        if listed and not new.controlled:
            warnings += (f"the substance table lists it as controlled: {known.schedule if known else ''}",)
        return new, warnings
    if listed and known and "name" in asked and table.resolve(new.name) is None and old.controlled:
        return replace(new, controlled=True), (
            f"by its CAS number or InChIKey it is still {known.name}; set or empty them as well",
        )
    raised = listed or is_controlled(new.schedule, new.substance_class)
    if raised and not old.controlled:
        return replace(new, controlled=True), ("it counts as controlled from now on",)
    if old.controlled and not raised:
        return replace(new, controlled=True), (
            "it still counts as controlled; if that is wrong: --set controlled=no --reason TEXT",
        )
    return new, ()


def differences(old: ReferenceEntry, new: ReferenceEntry) -> tuple[tuple[str, str, str], ...]:
    """Return field, old and new value of whatever a person may change."""
    pairs = [
        (field, getattr(old.substance, name), getattr(new.substance, name))
        for field, name in SUBSTANCE_FIELDS.items()
    ]
    pairs += [(field, getattr(old, field), getattr(new, field)) for field in ENTRY_FIELDS]
    pairs += [
        (
            f"authentication.{name}",
            getattr(old.authentication, name, ""),
            getattr(new.authentication, name, ""),
        )
        for name in (one.name for one in fields(Papers))
    ]
    return tuple((field, _text(was), _text(now)) for field, was, now in pairs if was != now)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "|".join(value) if isinstance(value, tuple) else str(value)


def with_history(
    entry: ReferenceEntry, changes: Sequence[tuple[str, str, str]], *, by: str, at: str, reason: str
) -> ReferenceEntry:
    """Return an entry whose history says what was changed, when, by whom and why."""
    words = "; ".join(f"{field} from {was!r:.200} to {now!r:.200}" for field, was, now in changes)
    step = f"{EDITED}{at} by {by or 'unknown'}: {words}{f' ({reason})' if reason else ''}"
    spectrum = replace(entry.spectrum, history=(*entry.spectrum.history, step))
    return replace(entry, spectrum=spectrum)
