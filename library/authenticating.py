"""A second person turns a draft into an entry of grade ``measured``, on record."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from spectra.errors import ValueRangeError
from spectra.references import Authentication, ReferenceEntry, same_person

from .changes import change_library
from .draft_json import read_draft, write_draft
from .drafts import Draft, has_expired, is_training
from .errors import AuthenticationRefused
from .judging import LEAST_AGREEMENT, Judgement, judge
from .quality_codes import Severity
from .store import Library, read_library, write_library
from .substances import SubstanceTable

#: Replicates an entry is at least the average of. Chosen: two cannot say which of them is odd.
LEAST_REPLICATES = 3


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What an authentication did."""

    library: Library
    """The library as it is now."""
    entry: ReferenceEntry
    """The new entry."""
    judgement: Judgement
    """What was judged."""


def authenticate(
    path: Path,
    into: Path,
    *,
    by: str,
    at: str,
    basis: str,
    more: dict[str, str] | None = None,
    accepted: Iterable[str] = (),
    table: SubstanceTable | None = None,
) -> Authenticated:
    """Turn a draft into an entry of a library.

    Parameters
    ----------
    path
        The draft; it stays, and says afterwards what became of it.
    into
        The library; made where there is none.
    by, at, basis
        Who vouches, when (RFC 3339, UTC) and on what grounds; ``by`` must not have measured.
    more
        Facts of the sample that the draft does not have yet: ``certificate``, ``lot``, ``expires`` and so on.
    accepted
        Codes of findings of severity *check* that this person has looked at and accepts.
    table
        Substance table; the shipped one when None.

    Raises
    ------
    AuthenticationRefused
        It cannot be vouched for like that; the message says what is missing.
    DraftError
        The draft cannot be read or used.
    LibraryError
        The library cannot be read or written; it is left as it was.
    """
    accepted, (draft, digest) = frozenset(accepted), read_draft(path)
    draft = replace(draft, sample=draft.sample.with_more(more or {}))
    if draft.authenticated:
        said = draft.authenticated
        raise AuthenticationRefused(
            f"{path}: {said.get('by')} authenticated it already, as {said.get('entry')}"
        )
    vouch = partial(authenticated_entry, draft, by=by, at=at, basis=basis, accepted=accepted, table=table)
    # Judged before others have to wait; once more under the lock where they changed the library meanwhile.
    before = read_library(into) if into.exists() else None
    made = [vouch(before.entries if before else (), before.name if before else into.stem)]
    if before is None:
        write_library(into, (), name=into.stem, replace=False)

    def change(library: Library) -> tuple[Sequence[ReferenceEntry], dict[str, Any]]:
        if before is not None and library.digest != before.digest:
            made[0] = vouch(library.entries, library.name)
        entry = made[0][0]
        if any(one.reference_id == entry.reference_id for one in library.entries):
            raise AuthenticationRefused(f"{into} holds {entry.reference_id} already")
        said = {"action": "authenticate", "at": at, "by": by, "entry": entry.reference_id, "reason": basis}
        facts = {"substance": entry.substance.name, "draft": path.name, "draft_digest": digest}
        return [*library.entries, entry], {**said, **facts}

    library = change_library(into, change)
    entry, judgement = made[0]
    told = {
        "by": by,
        "at": at,
        "entry": entry.reference_id,
        "library": library.name,
        "digest": library.digest,
    }
    write_draft(path, replace(draft, authenticated=told), judgement.to_json(), after=digest)
    return Authenticated(library, library.entry(entry.reference_id), judgement)


def authenticated_entry(
    draft: Draft,
    held: Iterable[ReferenceEntry],
    library_name: str,
    *,
    by: str,
    at: str,
    basis: str,
    accepted: Iterable[str] = (),
    table: SubstanceTable | None = None,
) -> tuple[ReferenceEntry, Judgement]:
    """Return the entry a draft becomes; parameters and errors as in `authenticate`."""
    _check(draft, by=by, at=at, basis=basis, library=library_name)
    judgement = judge(draft, held=held, table=table)
    given = frozenset(accepted)
    _check_quality(draft, judgement, given)
    controlled = judgement.entry.substance.controlled
    if draft.device.emulated and controlled and not is_training(library_name):
        raise AuthenticationRefused(
            "an emulated device measured no real sample: a controlled substance from it belongs into a "
            "training library"
        )
    entry = replace(judgement.entry, authentication=_record(draft, judgement, by=by, at=at, basis=basis))
    looked_at = sorted({one.code for one in judgement.of(Severity.CHECK)} & given)
    if looked_at:
        step = f"authenticated in spite of: {', '.join(looked_at)}"
        spectrum = replace(entry.spectrum, history=(*entry.spectrum.history, step))
        entry = replace(entry, spectrum=spectrum)
    return entry, judgement


def _check(draft: Draft, *, by: str, at: str, basis: str, library: str) -> None:
    """Check the persons and the papers."""
    if not by.strip() or not basis.strip():
        raise AuthenticationRefused(
            "say who vouches for the sample with --by, and on what grounds with --basis"
        )
    if same_person(by, *draft.operators):
        raise AuthenticationRefused(
            f"{by} measured this draft: a second person has to authenticate it (operators: "
            f"{', '.join(draft.operators)})"
        )
    sample = draft.sample
    missing = [name for name in ("certificate", "lot", "expires") if not getattr(sample, name)]
    if missing:
        options = " ".join(f"--{name}" for name in missing)
        raise AuthenticationRefused(f"the sample has no {' and no '.join(missing)}: say {options}")
    if has_expired(sample, at):
        raise AuthenticationRefused(
            f"lot {sample.lot} expired on {sample.expires}: measure a lot that is valid"
        )
    unverified = [one for one in draft.sessions if one.axis != "verified"]
    if unverified and not is_training(library):
        when, axis = unverified[0].begun_at, unverified[0].axis
        raise AuthenticationRefused(
            f"on {when[:10]} the instrument's verification was {axis}: the draft is good for a training "
            "library only; verify, and measure again"
        )


def _check_quality(draft: Draft, judgement: Judgement, accepted: frozenset[str]) -> None:
    if len(draft.kept) < LEAST_REPLICATES:
        raise AuthenticationRefused(
            f"{len(draft.kept)} usable replicate(s); an entry is the average of {LEAST_REPLICATES} at least: "
            "measure more with --draft"
        )
    if not judgement.agrees:
        raise AuthenticationRefused(disagreement(judgement))
    if refusing := judgement.of(Severity.REFUSE):
        raise AuthenticationRefused(" ".join(one.sentence for one in refusing))
    if open_ := [one for one in judgement.of(Severity.CHECK) if one.code not in accepted]:
        words = " ".join(one.sentence for one in open_)
        options = " ".join(f"--accept {one.code}" for one in open_)
        raise AuthenticationRefused(f"look at this first: {words} To vouch for it all the same: {options}")


def disagreement(judgement: Judgement) -> str:
    """Return in words which replicates do not agree, and what to do."""
    first, second = judgement.least
    return (
        f"the replicates do not agree: {judgement.agreement or 0.0:.2f} between {first} and {second}, "
        f"{LEAST_AGREEMENT:.2f} is the least; the sample is not even, was changed, or the scans "
        "are weak: begin a new draft"
    )


def _record(draft: Draft, judgement: Judgement, *, by: str, at: str, basis: str) -> Authentication:
    sample = draft.sample
    names = ("sample", "supplier", "certificate", "certificate_sha256", "lot", "expires")
    try:
        return Authentication(
            authenticated_by=by,
            authenticated_at=at,
            basis=basis,
            **{name: getattr(sample, name) for name in names},
            operators=draft.operators,
            replicates=len(draft.kept),
            spots=draft.spots,
            days=draft.days,
            agreement=judgement.agreement,
            scans=tuple(one.scan_id for one in draft.kept),
            emulated=draft.device.emulated,
        )
    except ValueRangeError as error:
        raise AuthenticationRefused(str(error)) from error


def training_library(path: Path) -> bool:
    """Whether a library, there or to be made, is for training."""
    return is_training(read_library(path).name if path.exists() else path.stem)
