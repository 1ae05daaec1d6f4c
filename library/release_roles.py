"""Who may sign what: the four roles of TUF as a laboratory holds them, and how long their word lasts.

Root and targets are signed by the same people, offline, at least two of them; snapshot and timestamp by one
publishing key, which can be lost without anybody being able to forge a method with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from securesystemslib.signer import Key
from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Metadata, Role, Root, Targets

from .release_errors import RepositoryUnready, RootUnfit
from .release_keys import whose

#: How many people sign root and targets (DESIGN.md, section 9).
THRESHOLD = 2

#: Timestamp and snapshot: a bench that hears nothing for longer has a stale method (DESIGN.md, section 9).
PUBLISHED_FOR = timedelta(days=30)

#: Targets, signed with every release; chosen: a method nobody looked at for a year is due for review.
TARGETS_FOR = timedelta(days=365)

#: Root; chosen: keys are exchanged, or confirmed by signing the next root, every two years.
ROOT_FOR = timedelta(days=730)

#: Roles signed by people.
PEOPLE_ROLES = (Root.type, Targets.type)

#: Most people a root may name.
MAX_PEOPLE = 16


@dataclass(frozen=True, slots=True)
class Signed:
    """How far the signing of one file has come."""

    role: str
    """``root`` or ``targets``."""
    version: int
    """Version of the file."""
    by: tuple[str, ...]
    """Names of those whose signatures count."""
    missing: int
    """Signatures still needed."""
    others: tuple[str, ...]
    """Names of those who may sign and have not."""


def new_root(
    people: Sequence[Key], publisher: Key, *, previous: Root | None, now: datetime, threshold: int = THRESHOLD
) -> Root:
    """Return a root, unsigned: who may sign what from now on.

    Parameters
    ----------
    people
        Public keys of those who release methods; any `threshold` of them together.
    publisher
        Public key that publishes.
    previous
        Root to be followed; None for the first.
    now
        Current time, UTC.
    threshold
        Signatures that root and targets need, 2 or more.

    Raises
    ------
    RootUnfit
        Too few people, one twice, or a person who publishes too.
    """
    names = [whose(key) for key in people]
    if len(set(names)) != len(names) or len({key.keyid for key in people}) != len(people):
        raise RootUnfit("the same person or key stands twice: the same person twice does not count")
    if publisher.keyid in {key.keyid for key in people}:
        raise RootUnfit("the publishing key is a person's: it lies on a machine, people's keys do not")
    if not THRESHOLD <= threshold <= len(people) <= MAX_PEOPLE:
        raise RootUnfit(
            f"{len(people)} people for {threshold} signatures: name 2 to {MAX_PEOPLE} people (--person)"
        )
    asked = {role: threshold if role in PEOPLE_ROLES else 1 for role in sorted(TOP_LEVEL_ROLE_NAMES)}
    root = Root(
        version=1 if previous is None else previous.version + 1,
        expires=now + ROOT_FOR,
        roles={role: Role([], count) for role, count in asked.items()},
        consistent_snapshot=True,
    )
    for role in asked:
        for key in people if role in PEOPLE_ROLES else (publisher,):
            root.add_key(key, role)
    return root


def check_root(root: Root) -> None:
    """Raise `RootUnfit` for a root that one person alone could use, whoever signed it."""
    for role in PEOPLE_ROLES:
        asked = root.roles[role]
        publics = {_public(root.keys.get(keyid)) for keyid in asked.keyids}
        if asked.threshold < THRESHOLD or len(publics) < asked.threshold:
            raise RootUnfit(
                f"the root lets {asked.threshold} of {len(publics)} key(s) sign {role}: at least {THRESHOLD} "
                "people are needed; ask for a root that says so"
            )
        alone = {
            _public(root.keys.get(keyid))
            for one in ("snapshot", "timestamp")
            for keyid in root.roles[one].keyids
        }
        if publics & alone:
            raise RootUnfit(f"the root lets the publishing key sign {role}; ask for a root that does not")
    if not root.consistent_snapshot:
        raise RootUnfit(
            "the root is of a repository without consistent snapshots; ask for one made by opioscan"
        )


def signed_root(metadata: Metadata[Root], previous: Root | None) -> Signed:
    """Return how far a root is signed: by people of its own, and of the one before it."""
    root = metadata.signed
    found = root.get_root_verification_result(previous, metadata.signed_bytes, metadata.signatures)
    missing = max(found.first.missing, found.second.missing)
    return _told(Root.type, root.version, found.signed, found.unsigned, missing)


def signed_targets(metadata: Metadata[Targets], root: Root) -> Signed:
    """Return how far targets are signed by people whom a root names."""
    found = root.get_verification_result(Targets.type, metadata.signed_bytes, metadata.signatures)
    return _told(Targets.type, metadata.signed.version, found.signed, found.unsigned, found.missing)


def check_signed(state: Signed) -> None:
    """Raise `RepositoryUnready` unless enough people signed."""
    if state.missing:
        raise RepositoryUnready(
            f"{state.role} version {state.version} is signed by {', '.join(state.by) or 'nobody'}: "
            f"{state.missing} more of {', '.join(state.others)} must sign (opioscan method sign)"
        )


def people_of(root: Root) -> tuple[str, ...]:
    """Return the names of those who may sign methods."""
    return tuple(sorted(whose(root.keys[keyid]) for keyid in root.roles[Targets.type].keyids))


def _told(role: str, version: int, signed: dict[str, Key], unsigned: dict[str, Key], missing: int) -> Signed:
    by, others = (tuple(sorted(whose(key) for key in some.values())) for some in (signed, unsigned))
    return Signed(role, version, by, missing, others)


def _public(key: Any) -> str:
    return "" if key is None else str(key.keyval.get("public"))
