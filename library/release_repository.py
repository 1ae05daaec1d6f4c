"""The laboratory's repository: a folder with what was published, and what waits for signatures.

::

    REPO/metadata/   as published: N.root.json, N.targets.json, N.snapshot.json, timestamp.json
    REPO/targets/    every file of every release, each under its SHA-256
    REPO/staging/    root.json, targets.json that are being signed; as old as the published ones: done

Every file is written whole, whatever names it last: a program killed at any moment leaves the state before or
after. `metadata` and `targets` together are what is served, copied or shared; no private key is ever in here.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from .release_errors import ReleaseAltered, RepositoryUnready
from .release_record import (
    INDEX,
    MAX_INDEX_BYTES,
    MAX_RECORD_BYTES,
    Release,
    decode_index,
    decode_release,
    record_target,
)
from .replacing import replace_file

if TYPE_CHECKING:
    from .method_store import StoredMethod

#: Larger metadata is a mistake or an attack (as the client's bound).
MAX_METADATA_BYTES = 5_000_000

T = TypeVar("T", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of methods on the laboratory's side."""

    path: Path
    """Its folder."""

    @property
    def metadata(self) -> Path:
        """Folder of what was published."""
        return self.path / "metadata"

    @property
    def targets(self) -> Path:
        """Folder of the files of all releases."""
        return self.path / "targets"

    @property
    def staging(self) -> Path:
        """Folder of what waits for signatures."""
        return self.path / "staging"

    def make(self) -> None:
        """Make its folders where they are missing."""
        for folder in (self.metadata, self.targets, self.staging):
            folder.mkdir(parents=True, exist_ok=True)

    def published_root(self) -> Metadata[Root] | None:
        """Return the root in force; None before the first publication."""
        return self._newest("root", Root)

    def published_targets(self) -> Metadata[Targets] | None:
        """Return the targets in force; None before the first publication."""
        return self._newest("targets", Targets)

    def published_snapshot(self) -> Metadata[Snapshot] | None:
        """Return the snapshot in force; None before the first publication."""
        return self._newest("snapshot", Snapshot)

    def published_timestamp(self) -> Metadata[Timestamp] | None:
        """Return the timestamp in force; None before the first publication."""
        path = self.metadata / "timestamp.json"
        return read_metadata(path, Timestamp) if path.exists() else None

    def staged_root(self) -> Metadata[Root] | None:
        """Return the root that waits for signatures; None for none."""
        return self._staged("root", Root, self.published_root())

    def staged_targets(self) -> Metadata[Targets] | None:
        """Return the targets that wait for signatures; None for none."""
        return self._staged("targets", Targets, self.published_targets())

    def root(self) -> Root:
        """Return the root that counts for what is signed now: a staged one, or that in force.

        Raises
        ------
        RepositoryUnready
            There is none.
        """
        found = self.staged_root() or self.published_root()
        if found is None:
            raise RepositoryUnready(
                f"{self.path} has no root: opioscan method sign {self.path} --new-root --person ..."
            )
        return found.signed

    def stage(self, metadata: Metadata[T]) -> None:
        """Put metadata where it waits for signatures."""
        put(self.staging / f"{metadata.signed.type}.json", metadata.to_bytes())

    def file(self, target: TargetFile) -> Path:
        """Return where a target is."""
        return self.targets / f"{target.hashes['sha256']}.{target.path}"

    def read(self, targets: Targets, path: str, most: int) -> bytes:
        """Return a small target and check its digest.

        Raises
        ------
        ReleaseAltered
            It is missing, too large, or not what the targets say.
        """
        info = targets.targets.get(path)
        if info is None or info.length > most:
            raise ReleaseAltered(f"{self.path}: the targets do not list {path}")
        try:
            data = self.file(info).read_bytes()
        except OSError as error:
            raise ReleaseAltered(f"{self.file(info)} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != info.hashes["sha256"]:
            raise ReleaseAltered(f"{self.file(info)} was altered: take it from a copy of the repository")
        return data

    def newest(self, targets: Targets | None) -> dict[str, int]:
        """Return the number of the newest release by name."""
        if targets is None or INDEX not in targets.targets:
            return {}
        return decode_index(self.read(targets, INDEX, MAX_INDEX_BYTES))

    def release(self, targets: Targets, number: int) -> Release:
        """Return a release's record."""
        return decode_release(self.read(targets, record_target(number), MAX_RECORD_BYTES))

    def _newest(self, role: str, kind: type[T]) -> Metadata[T] | None:
        # The timestamp is what makes a publication: versions that nothing leads to were interrupted.
        said = self.published_timestamp()
        numbers = sorted(_numbers(self.metadata, role), reverse=True)
        if said is None or not numbers:
            return None
        if role == "root":
            return read_metadata(self.metadata / f"{numbers[0]}.root.json", kind)
        number = said.signed.snapshot_meta.version
        if role == "targets":
            snapshot = read_metadata(self.metadata / f"{number}.snapshot.json", Snapshot)
            number = snapshot.signed.meta["targets.json"].version
        return read_metadata(self.metadata / f"{number}.{role}.json", kind)

    def _staged(self, role: str, kind: type[T], published: Metadata[T] | None) -> Metadata[T] | None:
        path = self.staging / f"{role}.json"
        if not path.exists():
            return None
        found = read_metadata(path, kind)
        done = published is not None and found.signed.version <= published.signed.version
        return None if done else found


@contextmanager
def opened_release(repo: Repository, targets: Targets, number: int) -> "Iterator[StoredMethod]":
    """Read the method of a release out of a repository, every digest checked.

    Raises
    ------
    ReleaseAltered, LibraryError
        A file is missing or not what was released.
    """
    from .method_store import read_method

    release = repo.release(targets, number)
    with tempfile.TemporaryDirectory(prefix="opioscan-release-") as folder:
        for one in release.files:
            (Path(folder) / one.path).symlink_to(repo.file(targets.targets[one.path]).absolute())
        stored = read_method(Path(folder), release.name, release.version)
        if stored.method.digest != release.method_digest:
            raise ReleaseAltered(f"{release.title} in {repo.path} is not the method that was released")
        yield stored


def read_metadata(path: Path, kind: type[T]) -> Metadata[T]:
    """Read a metadata file; signatures are not checked.

    Raises
    ------
    RepositoryUnready
        It is missing, too large or damaged.
    """
    try:
        if path.stat().st_size > MAX_METADATA_BYTES:
            raise RepositoryUnready(f"{path} is larger than metadata may be")
        found: Metadata[T] = Metadata.from_bytes(path.read_bytes())
    except OSError as error:
        raise RepositoryUnready(f"{path} cannot be read: {error.strerror}") from error
    except (DeserializationError, RepositoryError) as error:
        raise RepositoryUnready(f"{path} is damaged; take it from a copy of the repository") from error
    if not isinstance(found.signed, kind):
        raise RepositoryUnready(f"{path} is not metadata of the kind {kind.type}")
    return found


def put(path: Path, data: bytes) -> None:
    """Write a file whole, unless it holds these bytes already."""
    if path.exists() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    replace_file(path, partial(Path.write_bytes, data=data))


def _numbers(folder: Path, role: str) -> Iterator[int]:
    for path in folder.glob(f"*.{role}.json"):
        number = path.name.partition(".")[0]
        if number.isascii() and number.isdigit():
            yield int(number)
