"""Documented authentication: who says, and on what grounds, what a spectrum measured elsewhere is of.

No reader of a file makes one: a file cannot vouch for itself. A person does, in the columns of
``manifest.csv``, for a whole import, or later for entries that a library holds.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from spectra.errors import ValueRangeError
from spectra.references import Authentication, Grade, ReferenceEntry

from .drafts import expiry_of
from .errors import AuthenticationRefused
from .manifest import NAME as MANIFEST
from .manifest import Row, inside

#: Longest of these texts, characters, as for a sample that is measured (`drafts.Sample`).
MAX_TEXT = 500
#: Longest certificate whose digest is taken, bytes. Chosen: a scanned one has some megabytes.
MAX_CERTIFICATE = 256 << 20

#: What the own bench recorded, which no paper changes.
_OF_THE_BENCH = ("operators", "replicates", "spots", "days", "agreement", "scans", "emulated")

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What documents a reference, in the words of those who say it; empty where they do not."""

    authenticated_by: str = ""
    """Who vouches that the sample was what it is called; needed."""
    authenticated_at: str = ""
    """When, RFC 3339; needed."""
    basis: str = ""
    """On what grounds; needed."""
    certificate: str = ""
    """Certificate of analysis: text, or the name of its file."""
    certificate_sha256: str = ""
    """SHA-256 of that file."""
    lot: str = ""
    """Lot of the sample."""
    supplier: str = ""
    """Who supplied it."""
    sample: str = ""
    """The sample as its laboratory calls it."""
    expires: str = ""
    """Last day on which the lot may be used, such as 2027-06-30."""

    def told(self) -> dict[str, str]:
        """Return what is not empty."""
        values = {field.name: getattr(self, field.name).strip() for field in fields(self)}
        return {name: value for name, value in values.items() if value}


#: Without these an authentication is none.
NEEDED = ("authenticated_by", "authenticated_at", "basis")


def papers_of(row: Row, given: Papers | None, folder: Path) -> Papers | None:
    """Return what documents the file of a manifest's row; None where nobody does.

    A row that names who authenticated it stands for itself. One that tells of the sample only (its lot,
    say) adds to what was given for the whole folder. A certificate that is a file of the folder gets its
    SHA-256.

    Raises
    ------
    AuthenticationRefused
        The row says a part of it only: half an authentication is none.
    """
    names = [field.name for field in fields(Papers) if field.name != "certificate_sha256"]
    said = Papers(**{name: getattr(row, name) for name in names})
    told = said.told()
    if not told:
        return given
    missing = [name for name in NEEDED if name not in told]
    if given is not None and len(missing) == len(NEEDED):
        papers = replace(given, **{name: getattr(said, name) for name in told})
    elif missing:
        raise AuthenticationRefused(
            f"{MANIFEST} says {', '.join(told)} but no {' and no '.join(missing)}: an authentication needs "
            f"{', '.join(NEEDED)}"
        )
    else:
        papers = said
    return papers if "certificate" not in told else _certified(papers, folder)


def authentication_of(
    papers: Papers, *, operators: Iterable[str] = (), now: datetime | None = None
) -> Authentication:
    """Return the authentication that papers amount to.

    Parameters
    ----------
    papers
        What was said.
    operators
        Who measured, where that is known; none of them may vouch.
    now
        The time now, UTC: nobody vouched later than that. Not checked where None.

    Raises
    ------
    AuthenticationRefused
        Something needed is missing or malformed, the lot had expired, or the person measured it.
    """
    told = papers.told()
    if missing := [name for name in NEEDED if name not in told]:
        raise AuthenticationRefused(f"its authentication has no {' and no '.join(missing)}")
    for name, text in told.items():
        if len(text) > MAX_TEXT or not text.isprintable():
            raise AuthenticationRefused(f"{name} is one line of at most {MAX_TEXT} printable characters")
    moment = moment_of(told["authenticated_at"])
    if now is not None and moment > now:
        raise AuthenticationRefused(f"authenticated_at {told['authenticated_at']} is yet to come")
    told["authenticated_at"] = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    try:
        if "expires" in told and expiry_of(told["expires"]) < moment.date():
            raise AuthenticationRefused(
                f"the lot expired on {told['expires']}, before it was authenticated on {moment:%Y-%m-%d}"
            )
        return Authentication(**told, operators=tuple(operators))  # type: ignore[arg-type]
    except ValueRangeError as error:
        raise AuthenticationRefused(str(error)) from error


def moment_of(text: str) -> datetime:
    """Return a time of RFC 3339 in UTC.

    Raises
    ------
    AuthenticationRefused
        It is none, or says no time zone.
    """
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise AuthenticationRefused(
        f"authenticated_at {text!r:.40} is no time of RFC 3339: say one such as 2026-11-20T09:30:00Z"
    )


def with_papers(entry: ReferenceEntry, papers: Papers, *, now: datetime | None = None) -> ReferenceEntry:
    """Return an entry with what documents it, in place of what did before.

    What was recorded when it was measured at the own bench (operators, scans, replicates) stays.

    Raises
    ------
    AuthenticationRefused
        It is no measured spectrum of a sample, an emulated device measured, or see `authentication_of`.
    """
    if entry.grade is not Grade.MEASURED:
        raise AuthenticationRefused(
            f"{entry.reference_id} is {entry.grade}: there was no sample that anybody could vouch for"
        )
    old = entry.authentication
    if "(emulated)" in entry.instrument or (old is not None and old.emulated):
        raise AuthenticationRefused(
            f"{entry.reference_id}: an emulated device measured no real sample; no papers change that"
        )
    new = authentication_of(papers, operators=() if old is None else old.operators, now=now)
    if old is not None:
        new = replace(new, **{name: getattr(old, name) for name in _OF_THE_BENCH})
    return replace(entry, authentication=new)


def is_documented(entry: ReferenceEntry) -> bool:
    """Whether a reference is of a real sample that somebody is on record for."""
    vouched = entry.authentication
    return entry.grade is Grade.MEASURED and vouched is not None and not vouched.emulated


def undocumented(entries: Iterable[ReferenceEntry]) -> tuple[ReferenceEntry, ...]:
    """Return the measured references of controlled substances that nobody is on record for.

    Outside training they raise an alarm that names no substance.
    """
    return tuple(
        entry
        for entry in entries
        if entry.substance.controlled and entry.grade is Grade.MEASURED and entry.authentication is None
    )


def certificate_facts(text: str, path: Path | None) -> dict[str, str]:
    """Return a certificate as `Papers` keeps it: name and digest of a file where there is one, else text.

    Raises
    ------
    AuthenticationRefused
        The file is larger than a certificate can be, or may not be read.
    """
    if path is None or not _is_file(path):
        return {"certificate": text, "certificate_sha256": ""}
    try:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256") if path.stat().st_size <= MAX_CERTIFICATE else None
    except OSError as error:
        raise AuthenticationRefused(f"certificate {text!r:.80} cannot be read: {error.strerror}") from error
    if digest is None:
        raise AuthenticationRefused(f"certificate {text!r:.80} is larger than a certificate can be")
    return {"certificate": path.name, "certificate_sha256": digest.hexdigest()}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A text too long for a name, or with a NUL in it.
        return False


def _certified(papers: Papers, folder: Path) -> Papers:
    return replace(papers, **certificate_facts(papers.certificate, inside(folder, papers.certificate)))
