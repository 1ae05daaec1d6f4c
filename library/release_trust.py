"""Trust a root, once, when a bench is installed: from then on it believes what two of its people signed."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError

from .errors import LibraryError, LibraryNotWritten
from .release_errors import MetadataDamaged, NothingTrusted, ReleaseStateDamaged, RootUnfit
from .release_roles import check_root, people_of
from .release_state import ROOT, ReleaseState, read_state, write_state
from .replacing import folder_lock, replace_file

#: A larger root is none (as the client's bound).
MAX_ROOT_BYTES = 512_000


@dataclass(frozen=True, slots=True)
class Trusted:
    """A root as shown before it is trusted."""

    fingerprint: str
    """SHA-256 of who may sign what: to be compared with what the laboratory says by another way."""
    version: int
    """Its version."""
    people: tuple[str, ...]
    """Names of those who may sign methods."""
    threshold: int
    """How many of them must."""
    expires: datetime
    """Until when it is good, UTC."""
    data: bytes
    """Its bytes."""


def examine_root(data: bytes) -> Trusted:
    """Check a root: signed by enough of its own people, and fit to be trusted.

    Raises
    ------
    MetadataDamaged
        It is no root, or not signed as it asks.
    RootUnfit
        One person alone could use it.
    """
    if len(data) > MAX_ROOT_BYTES:
        raise MetadataDamaged(f"a root of {len(data)} bytes is larger than one may be")
    try:
        found: Metadata[Root] = Metadata.from_bytes(data)
        if not isinstance(found.signed, Root):
            raise MetadataDamaged(
                "it is metadata, but no root: take N.root.json of the repository's metadata"
            )
        check_root(found.signed)
        found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except DeserializationError as error:
        raise MetadataDamaged("it is no root of a repository of methods") from error
    except RepositoryError as error:
        raise MetadataDamaged(f"the root is not signed by the people it names: {error}") from error
    root = found.signed
    return Trusted(
        fingerprint=fingerprint(root),
        version=root.version,
        people=people_of(root),
        threshold=root.roles["targets"].threshold,
        expires=root.expires,
        data=data,
    )


def trust_root(folder: Path, root: Trusted, *, now: datetime, replaced: bool = False) -> None:
    """Trust a root at this bench.

    Parameters
    ----------
    folder
        Folder of releases; made where missing.
    root
        What `examine_root` found.
    now
        Current time, UTC.
    replaced
        Whether to trust it instead of another one: the active release is forgotten, its files stay.

    Raises
    ------
    RootUnfit
        Another root is trusted here, and `replaced` is False.
    LibraryNotWritten
        The system refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryNotWritten(f"the folder {folder} cannot be made: {error.strerror}") from error
    with folder_lock(folder):
        path = folder / ROOT
        same = path.exists() and path.read_bytes() == root.data
        try:
            state: ReleaseState | None = read_state(folder)
        except NothingTrusted:
            state = None
        except ReleaseStateDamaged:
            if not replaced:
                raise
            state, same = None, False
        if state is not None and same:
            return
        if state is not None and not replaced:
            raise RootUnfit(
                "another root is trusted at this bench; to trust this one instead, give --replace"
            )
        # What must never be is a state of one root beside another root; so the state goes first.
        floor = "" if state is None else state.trusted_time
        (folder / "state.json").unlink(missing_ok=True)
        replace_file(path, partial(Path.write_bytes, data=root.data))
        fresh = replace(ReleaseState(), trusted_time=floor)
        write_state(folder, fresh.noted(now, "trusted", f"root {root.version}", root.fingerprint))


def fingerprint(root: Root) -> str:
    """Return the SHA-256 of who may sign what, in groups of four: the same however it is signed."""
    told = {
        "keys": {keyid: key.keyval for keyid, key in root.keys.items()},
        "roles": {name: [sorted(role.keyids), role.threshold] for name, role in root.roles.items()},
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return " ".join(digest[place : place + 4] for place in range(0, 64, 4))


def trusted_root(folder: Path) -> bytes:
    """Return the root trusted at this bench.

    Raises
    ------
    NothingTrusted
        There is none.
    """
    try:
        return (folder / ROOT).read_bytes()
    except FileNotFoundError as error:
        raise NothingTrusted("no root is trusted at this bench: opioscan method trust ROOT.json") from error
    except OSError as error:
        raise LibraryError(f"{folder / ROOT} cannot be read: {error.strerror}") from error
