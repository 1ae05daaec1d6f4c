"""Make a release and gather its signatures: what two people put their names to before it is published."""

import hashlib
import shutil
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from .method_store import read_method
from .release_errors import KeyUnusable, ReleaseAltered, RepositoryUnready
from .release_keys import SigningKey, whose
from .release_record import INDEX, MAX_CHANGELOG, MAX_RELEASE, Release, ReleaseFile, encode_index
from .release_repository import Repository, put
from .release_roles import TARGETS_FOR, THRESHOLD, Signed, new_root, signed_root, signed_targets
from .replacing import folder_lock, replace_file


def stage_root(
    repo: Repository, people: list[Key], publisher: Key, *, now: datetime, threshold: int = THRESHOLD
) -> Root:
    """Put a root where it waits for signatures: the first one, or one that follows that in force.

    With a following root the targets wait to be signed anew too: those who leave no longer count.

    Raises
    ------
    RootUnfit
        Two different people cannot be asked for by it.
    RepositoryUnready
        Targets already wait for signatures.
    """
    repo.make()
    with folder_lock(repo.path):
        before = repo.published_root()
        root = new_root(
            people,
            publisher,
            previous=None if before is None else before.signed,
            now=now,
            threshold=threshold,
        )
        published = repo.published_targets()
        if published is not None:
            if repo.staged_targets() is not None:
                raise RepositoryUnready(
                    "a release waits for signatures: publish it first, then change the root"
                )
            again = published.signed
            again.version += 1
            again.expires = now + TARGETS_FOR
            repo.stage(Metadata(again))
        repo.stage(Metadata(root))
        return root


def stage_release(
    repo: Repository,
    methods: Path,
    name: str,
    version: int | None = None,
    *,
    changelog: str,
    gate: dict[str, Any],
    now: datetime,
    software: str,
    again: bool = False,
) -> Release:
    """Put a stored version of a method where it waits for two signatures.

    Parameters
    ----------
    repo
        The repository; it has a root.
    methods
        Folder of methods.
    name, version
        What to release; the newest version by default.
    changelog
        What changed, in words.
    gate
        What the release gate found, JSON values.
    now
        Current time, UTC.
    software
        What makes the release.
    again
        Drop a release that waits for signatures.

    Raises
    ------
    RepositoryUnready
        No root, another release waits, this one is out already, or the changelog is empty or endless.
    LibraryError
        The method cannot be read.
    """
    if not 0 < len(changelog.strip()) <= MAX_CHANGELOG:
        raise RepositoryUnready(
            f"a release says what changed, in 1 to {MAX_CHANGELOG} characters (--changelog)"
        )
    stored = read_method(methods, name, version)
    repo.make()
    with folder_lock(repo.path):
        repo.root()
        published = repo.published_targets()
        if repo.staged_targets() is not None and not again:
            raise RepositoryUnready("a release waits for signatures: publish it, or drop it with --again")
        targets = Targets(version=1) if published is None else published.signed
        newest = repo.newest(published.signed if published else None)
        release = Release(
            number=max(newest.values(), default=0) + 1,
            name=name,
            version=stored.method.version,
            method_digest=stored.method.digest,
            files=(),
            changelog=changelog.strip(),
            gate=gate,
            made_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            software=software,
        )
        _check_new(repo, targets, release, newest)
        sources = (stored.path, methods / f"library-{stored.method.library_digest}.h5")
        release = replace(release, files=tuple(_add_file(repo, targets, source) for source in sources))
        _add(repo, targets, release.target, release.encode())
        _add(repo, targets, INDEX, encode_index({**newest, name: release.number}))
        targets.version = 1 if published is None else targets.version + 1
        targets.expires = now + TARGETS_FOR
        repo.stage(Metadata(targets))
        return release


def staged(repo: Repository) -> tuple[tuple[Signed, ...], Release | None]:
    """Return how far the signing of whatever waits has come, and the release among it.

    Raises
    ------
    ReleaseAltered
        A file of the release is not what stands in the targets.
    """
    root, targets = repo.staged_root(), repo.staged_targets()
    before = repo.published_root()
    found = [] if root is None else [signed_root(root, None if before is None else before.signed)]
    release = None
    if targets is not None:
        found.append(signed_targets(targets, repo.root()))
        release = _staged_release(repo, targets.signed)
    return tuple(found), release


def sign_staged(repo: Repository, key: SigningKey) -> tuple[Signed, ...]:
    """Put one person's signature under all that waits and that the person may sign.

    Returns
    -------
    tuple of Signed
        How far the signing has come; a second signature by the same person changes nothing.

    Raises
    ------
    RepositoryUnready
        Nothing waits.
    KeyUnusable
        The key may sign none of it.
    ReleaseAltered
        A file of the release is not what stands in the targets.
    """
    with folder_lock(repo.path):
        root, targets = repo.staged_root(), repo.staged_targets()
        if root is None and targets is None:
            raise RepositoryUnready(f"nothing waits for a signature in {repo.path} (opioscan method release)")
        staged(repo)
        before = repo.published_root()
        may_root = {
            keyid for one in (root, before) if one is not None for keyid in one.signed.roles["root"].keyids
        }
        signed = 0
        if root is not None and key.keyid in may_root:
            root.sign(key.signer, append=True)
            repo.stage(root)
            signed += 1
        if targets is not None and key.keyid in repo.root().roles[Targets.type].keyids:
            targets.sign(key.signer, append=True)
            repo.stage(targets)
            signed += 1
        if not signed:
            people = sorted(whose(repo.root().keys[one]) for one in repo.root().roles[Targets.type].keyids)
            raise KeyUnusable(f"{key.name} may not sign here: the root names {', '.join(people)}")
        return staged(repo)[0]


def _check_new(repo: Repository, targets: Targets, release: Release, newest: dict[str, int]) -> None:
    if release.number > MAX_RELEASE:
        raise RepositoryUnready(f"{repo.path} holds {MAX_RELEASE} releases; begin another repository")
    if release.name in newest:
        before = repo.release(targets, newest[release.name])
        if (before.version, before.method_digest) == (release.version, release.method_digest):
            raise RepositoryUnready(
                f"{release.title} is the current release already; fit a new version first"
            )


def _staged_release(repo: Repository, targets: Targets) -> Release | None:
    """Return the release that is new in staged targets, its files checked."""
    published = repo.published_targets()
    before = set(repo.newest(published.signed if published else None).values())
    new = set(repo.newest(targets).values()) - before
    if not new:
        return None
    release = repo.release(targets, max(new))
    for one in release.files:
        info = targets.targets.get(one.path)
        if info is None or info.hashes["sha256"] != one.sha256 or _sha256(repo.file(info)) != one.sha256:
            raise ReleaseAltered(
                f"{one.path} in {repo.targets} is not what was released: make the release again"
            )
    return release


def _add_file(repo: Repository, targets: Targets, source: Path) -> ReleaseFile:
    """Copy a file of a method among the targets, under its digest."""
    known = targets.targets.get(source.name)
    if known is not None and source.name.startswith("library-"):
        # Named by the digest of its content: written twice it may differ in bytes, but not in what it holds.
        return ReleaseFile(source.name, known.hashes["sha256"], known.length)
    digest = _sha256(source)
    path = repo.targets / f"{digest}.{source.name}"
    if not path.exists() or _sha256(path) != digest:
        replace_file(path, partial(shutil.copyfile, source))
    info = TargetFile.from_file(source.name, str(path), ["sha256"])
    if info.hashes["sha256"] != digest:
        raise ReleaseAltered(f"{source} changed while it was copied: try again")
    if known is not None and known.hashes != info.hashes:
        raise RepositoryUnready(f"another {source.name} was released before: a version is never used twice")
    targets.targets[source.name] = info
    return ReleaseFile(source.name, digest, info.length)


def _add(repo: Repository, targets: Targets, name: str, data: bytes) -> None:
    info = TargetFile.from_data(name, data, ["sha256"])
    put(repo.file(info), data)
    targets.targets[name] = info


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ReleaseAltered(f"{path} cannot be read: {error.strerror}") from error
