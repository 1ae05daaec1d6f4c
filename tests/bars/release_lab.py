"""A laboratory with people, keys and a repository, a bench that trusts it, and what an attacker can do."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from library.method_store import write_method
from library.methods import fit_method
from library.release_keys import WHOSE, SigningKey
from library.release_publish import PUBLISHED_AT, TIME, publish
from library.release_record import Release
from library.release_repository import Repository
from library.release_source import FolderSource, Source
from library.release_staging import sign_staged, stage_release, stage_root
from library.release_trust import examine_root, trust_root
from library.release_update import Updated, update
from library.starter import starter_entries
from library.store import read_library, write_library
from spectra.method import WatchItem
from spectra.values import Technique

PEOPLE = ("alice", "bob", "carol")


def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC).replace(microsecond=0)


def signing_key(name: str) -> SigningKey:
    """Return a new key of somebody, in memory."""
    signer = CryptoSigner.generate_ed25519()
    signer.public_key.unrecognized_fields[WHOSE] = name
    return SigningKey(name, signer)


def fitted_methods(folder: Path, versions: int = 3, *, name: str = "ours") -> Path:
    """Store versions of a small method, quick to fit and to load; each watches at another limit."""
    chosen = [e for e in starter_entries() if e.technique is Technique.RAMAN]
    picked = {e.reference_id: e for e in chosen[:2]}
    picked |= {e.reference_id: e for e in chosen if e.substance.name == "Metamizole"}
    folder.mkdir(parents=True, exist_ok=True)
    write_library(folder / "small.h5", picked.values(), name="small")
    library = read_library(folder / "small.h5")
    method = fit_method(
        library, name=name, watch_list=[WatchItem("Metamizole", 0.1)], draws=25, false_alarm_rate=0.05
    )
    for version in range(1, versions + 1):
        watched = (WatchItem("Metamizole", 0.1 + 0.01 * version),)
        write_method(folder, replace(method, version=version, watch_list=watched), library, {})
    return folder


class Lab:
    """A laboratory: three people of whom two sign, a publishing key, a repository and its published copy."""

    def __init__(self, folder: Path, methods: Path) -> None:
        self.folder = folder
        self.methods = methods
        self.keys = {name: signing_key(name) for name in (*PEOPLE, "press", "mallory")}
        self.repo = Repository(folder / "repo")
        self.public = folder / "public"
        self.begin()

    def begin(self, people: Sequence[str] = PEOPLE, signers: Sequence[str] = ("alice", "bob")) -> None:
        """Make a root, the first one or a following one."""
        publics = [self.keys[name].signer.public_key for name in people]
        stage_root(self.repo, publics, self.keys["press"].signer.public_key, now=now())
        self.sign(*signers)

    def sign(self, *names: str) -> None:
        """Let people sign what waits."""
        for name in names:
            sign_staged(self.repo, self.keys[name])

    def stage(self, version: int, *, at: datetime | None = None, name: str = "ours") -> Release:
        """Release a version, unsigned."""
        return stage_release(
            self.repo,
            self.methods,
            name,
            version,
            changelog=f"version {version}",
            gate={},
            now=at or now(),
            software="opioscan test",
            again=True,
        )

    def publish(self, *, at: datetime | None = None) -> None:
        """Publish what is signed."""
        publish(self.repo, self.keys["press"], self.public, now=at or now())

    def release(self, version: int, *, at: datetime | None = None, name: str = "ours") -> None:
        """Release, sign and publish a version."""
        self.stage(version, at=at, name=name)
        self.sign("alice", "bob")
        self.publish(at=at)

    def copy(self, name: str) -> Path:
        """Return a copy of what is published now, for an attacker to change or to serve later."""
        there = self.folder / name
        shutil.copytree(self.public, there)
        return there

    def forge(
        self, folder: Path, targets: Metadata[Targets], *, at: datetime | None = None, data: bytes = b""
    ) -> None:
        """Publish any targets, or their bytes, in a folder, as somebody who stole the publishing key would."""
        metadata, at = folder / "metadata", at or now()
        stamp: Metadata[Timestamp] = Metadata.from_file(str(metadata / "timestamp.json"))
        version = stamp.signed.snapshot_meta.version + 1
        data = data or targets.to_bytes()
        (metadata / f"{targets.signed.version}.targets.json").write_bytes(data)
        info = MetaFile.from_data(targets.signed.version, data, ["sha256"])
        snapshot = Metadata(
            Snapshot(version=version, expires=at + timedelta(days=30), meta={"targets.json": info})
        )
        snapshot.sign(self.keys["press"].signer)
        (metadata / f"{version}.snapshot.json").write_bytes(snapshot.to_bytes())
        timestamp = Metadata(
            Timestamp(
                version=stamp.signed.version + 1,
                expires=at + timedelta(days=30),
                snapshot_meta=MetaFile.from_data(version, snapshot.to_bytes(), ["sha256"]),
                unrecognized_fields={PUBLISHED_AT: at.strftime(TIME)},
            )
        )
        timestamp.sign(self.keys["press"].signer)
        (metadata / "timestamp.json").write_bytes(timestamp.to_bytes())

    def targets(self) -> Metadata[Targets]:
        """Return the targets published now."""
        found = self.repo.published_targets()
        assert found is not None
        return found

    def root(self) -> Metadata[Root]:
        """Return the root published now."""
        found = self.repo.published_root()
        assert found is not None
        return found


class BenchHome:
    """A bench that trusts a laboratory's first root."""

    def __init__(self, home: Path, lab: Lab) -> None:
        self.home = home
        self.releases = home / "releases"
        self.methods = home / "methods"
        self.lab = lab
        root = examine_root((lab.public / "metadata" / "1.root.json").read_bytes())
        trust_root(self.releases, root, now=now())

    def update(
        self, source: Source | Path | None = None, *, at: datetime | None = None, **more: object
    ) -> Updated:
        """Update from a folder or source; the laboratory's published folder where none is given."""
        given = source or self.lab.public
        opened = given if isinstance(given, Source) else FolderSource(given)
        return update(self.releases, self.methods, opened, now=at or now(), **more)  # type: ignore[arg-type]
