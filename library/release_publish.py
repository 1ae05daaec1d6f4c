"""Publish: the publishing key says what is newest, and a folder to be served, copied or carried gets it.

The timestamp is written last. Before it, a reader finds the publication before; after it, the new one:
whatever else there is has its version or digest in its name, and is never changed.
"""

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from .errors import LibraryNotWritten
from .release_errors import KeyUnusable, RepositoryUnready
from .release_keys import SigningKey, whose
from .release_repository import Repository, put
from .release_roles import PUBLISHED_FOR, check_root, check_signed, signed_root, signed_targets
from .replacing import folder_lock, replace_file

#: Where a timestamp says when it was signed: a bench whose clock is earlier has a clock that is wrong.
PUBLISHED_AT = "x-opioscan-published-at"

#: How such a time is written.
TIME = "%Y-%m-%dT%H:%M:%SZ"

_TIMESTAMP = "timestamp.json"


@dataclass(frozen=True, slots=True)
class Published:
    """What was published."""

    targets: int
    """Version of the targets."""
    timestamp: int
    """Version of the timestamp."""
    expires: datetime
    """Until when benches take it for current, UTC: publish again before."""
    changed: bool
    """Whether anything is new but the dates."""


def publish(repo: Repository, key: SigningKey, to: Path, *, now: datetime) -> Published:
    """Publish what is signed, or renew the dates of what was published, and place it in a folder.

    Parameters
    ----------
    repo
        The laboratory's repository.
    key
        The publishing key.
    to
        Folder to serve, share or carry; made where missing.
    now
        Current time, UTC.

    Raises
    ------
    RepositoryUnready
        There is nothing to publish, signatures are missing, or what was signed is past its date.
    KeyUnusable
        The root names another publishing key.
    LibraryNotWritten
        The system refused.
    """
    with folder_lock(repo.path):
        root, targets, changed = _ready(repo, now)
        if key.keyid not in root.signed.roles[Timestamp.type].keyids:
            names = ", ".join(
                whose(root.signed.keys[one]) for one in root.signed.roles[Timestamp.type].keyids
            )
            raise KeyUnusable(f"{key.name} may not publish here: the root names {names}")
        put(repo.metadata / f"{root.signed.version}.root.json", root.to_bytes())
        put(repo.metadata / f"{targets.signed.version}.targets.json", targets.to_bytes())
        snapshot = _snapshot(repo, key, targets, now)
        timestamp = _timestamp(repo, key, snapshot, now)
        put(repo.metadata / _TIMESTAMP, timestamp.to_bytes())
        for role in ("root", "targets"):
            (repo.staging / f"{role}.json").unlink(missing_ok=True)
        _place(repo, targets.signed, to)
        dates = (root.signed.expires, targets.signed.expires, timestamp.signed.expires)
        return Published(targets.signed.version, timestamp.signed.version, min(dates), changed)


def _ready(repo: Repository, now: datetime) -> tuple[Metadata[Root], Metadata[Targets], bool]:
    """Return root and targets to publish, enough people having signed both."""
    before, staged = repo.published_root(), repo.staged_root()
    root = staged or before
    if root is None:
        raise RepositoryUnready(f"{repo.path} has no root (opioscan method sign {repo.path} --new-root ...)")
    if staged is not None:
        check_signed(signed_root(staged, None if before is None else before.signed))
    check_root(root.signed)
    new, old = repo.staged_targets(), repo.published_targets()
    targets = new or old
    if targets is None:
        raise RepositoryUnready(
            f"{repo.path} holds no release yet (opioscan method release NAME --repo {repo.path})"
        )
    check_signed(signed_targets(targets, root.signed))
    for role, expires in (("root", root.signed.expires), ("targets", targets.signed.expires)):
        if expires <= now:
            raise RepositoryUnready(
                f"the {role} expired on {expires:%Y-%m-%d}: it must be made and signed anew"
            )
    return root, targets, new is not None or staged is not None


def _snapshot(
    repo: Repository, key: SigningKey, targets: Metadata[Targets], now: datetime
) -> Metadata[Snapshot]:
    before = repo.published_snapshot()
    info = MetaFile.from_data(targets.signed.version, targets.to_bytes(), ["sha256"])
    snapshot = Snapshot(
        version=_after(None if before is None else before.signed.version, repo, "snapshot"),
        expires=now + PUBLISHED_FOR,
        meta={"targets.json": info},
    )
    signed = Metadata(snapshot)
    signed.sign(key.signer)
    put(repo.metadata / f"{snapshot.version}.snapshot.json", signed.to_bytes())
    return signed


def _timestamp(
    repo: Repository, key: SigningKey, snapshot: Metadata[Snapshot], now: datetime
) -> Metadata[Timestamp]:
    before = repo.published_timestamp()
    timestamp = Timestamp(
        version=1 if before is None else before.signed.version + 1,
        expires=now + PUBLISHED_FOR,
        snapshot_meta=MetaFile.from_data(snapshot.signed.version, snapshot.to_bytes(), ["sha256"]),
        unrecognized_fields={PUBLISHED_AT: now.strftime(TIME)},
    )
    signed = Metadata(timestamp)
    signed.sign(key.signer)
    return signed


def _after(version: int | None, repo: Repository, role: str) -> int:
    """Return a version that no interrupted publication has used either."""
    used = [int(path.name.split(".")[0]) for path in repo.metadata.glob(f"*.{role}.json")]
    return max([version or 0, *used]) + 1


def _place(repo: Repository, targets: Targets, to: Path) -> None:
    """Copy what was published, the timestamp last."""
    try:
        for folder in ("metadata", "targets"):
            (to / folder).mkdir(parents=True, exist_ok=True)
        if (to / "metadata").samefile(repo.metadata):
            return
        for info in targets.targets.values():
            _copy(repo.file(info), to / "targets" / repo.file(info).name)
        for path in sorted(repo.metadata.glob("*.*.json")):
            _copy(path, to / "metadata" / path.name)
        put(to / "metadata" / _TIMESTAMP, (repo.metadata / _TIMESTAMP).read_bytes())
    except OSError as error:
        if isinstance(error, LibraryNotWritten):
            raise
        raise LibraryNotWritten(f"{to} could not be written: {error.strerror}") from error


def _copy(source: Path, there: Path) -> None:
    """Copy a file that never changes, unless it is there whole."""
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
    if there.exists() and there.stat().st_size == size and _same(source, there):
        return
    replace_file(there, partial(shutil.copyfile, source))


def _same(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(1 << 20), right.read(1 << 20)
            if a != b:
                return False
            if not a:
                return True
