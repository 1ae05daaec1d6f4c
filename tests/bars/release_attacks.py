"""Attacks on a repository, each built for real on a copy of what was published, and the refusal it must meet."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Timestamp

from library import release_errors as errors
from library.errors import LibraryError

try:
    from release_lab import BenchHome, Lab, now
except ModuleNotFoundError:
    from tests.bars.release_lab import BenchHome, Lab, now


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack: what the bench is offered once version 1 is active and version 2 is published."""

    what: str
    """What is done, in words."""
    refusal: type[LibraryError]
    """What must be raised."""
    play: Callable[[Lab, BenchHome, Path], object]
    """Changes a copy of the published folder and updates from it."""


def one_signature(lab: Lab, bench: BenchHome, copy: Path) -> object:
    targets = lab.targets()
    targets.signed.version += 1
    targets.sign(lab.keys["alice"].signer)
    lab.forge(copy, targets)
    return bench.update(copy)


def same_person_twice(lab: Lab, bench: BenchHome, copy: Path) -> object:
    targets = lab.targets()
    targets.signed.version += 1
    targets.sign(lab.keys["alice"].signer)
    said = json.loads(targets.to_bytes())
    said["signatures"] *= 2
    lab.forge(copy, targets, data=json.dumps(said).encode())
    return bench.update(copy)


def unknown_key(lab: Lab, bench: BenchHome, copy: Path) -> object:
    targets = lab.targets()
    targets.signed.version += 1
    targets.sign(lab.keys["alice"].signer)
    targets.sign(lab.keys["mallory"].signer, append=True)
    lab.forge(copy, targets)
    return bench.update(copy)


def altered_after_signing(lab: Lab, bench: BenchHome, copy: Path) -> object:
    targets = lab.targets()
    targets.signed.version += 1
    targets.sign(lab.keys["alice"].signer)
    targets.sign(lab.keys["bob"].signer, append=True)
    targets.signed.expires += timedelta(days=1)
    lab.forge(copy, targets)
    return bench.update(copy)


def unknown_publisher(lab: Lab, bench: BenchHome, copy: Path) -> object:
    lab.keys["press"], kept = lab.keys["mallory"], lab.keys["press"]
    try:
        lab.forge(copy, lab.targets())
    finally:
        lab.keys["press"] = kept
    return bench.update(copy)


def expired(lab: Lab, bench: BenchHome, copy: Path) -> object:
    lab.forge(copy, lab.targets(), at=now() - timedelta(days=31))
    return bench.update(copy)


def frozen(lab: Lab, bench: BenchHome, copy: Path) -> object:
    bench.update(copy)
    return bench.update(copy, at=now() + timedelta(days=31))


def older(lab: Lab, bench: BenchHome, copy: Path) -> object:
    bench.update(copy)
    return bench.update(lab.folder / "first")


def older_targets(lab: Lab, bench: BenchHome, copy: Path) -> object:
    bench.update(copy)
    first: Metadata[Root] = Metadata.from_file(str(lab.folder / "first" / "metadata" / "1.targets.json"))
    lab.forge(copy, first)  # type: ignore[arg-type]
    return bench.update(copy)


def swapped_target(lab: Lab, bench: BenchHome, copy: Path) -> object:
    path = next((copy / "targets").glob("*.ours@2.json"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return bench.update(copy)


def swapped_method(lab: Lab, bench: BenchHome, copy: Path) -> object:
    one, other = (next((copy / "targets").glob(f"*.ours@{version}.json")) for version in (1, 2))
    other.write_bytes(one.read_bytes().ljust(other.stat().st_size))
    return bench.update(copy)


def swapped_metadata(lab: Lab, bench: BenchHome, copy: Path) -> object:
    path = copy / "metadata" / "2.targets.json"
    path.write_bytes(path.read_bytes().replace(b"ours@2", b"ours@1"))
    return bench.update(copy)


def truncated_target(lab: Lab, bench: BenchHome, copy: Path) -> object:
    path = next((copy / "targets").glob("*.ours@2.json"))
    path.write_bytes(path.read_bytes()[:-100])
    return bench.update(copy)


def truncated_metadata(lab: Lab, bench: BenchHome, copy: Path) -> object:
    path = copy / "metadata" / "timestamp.json"
    path.write_bytes(path.read_bytes()[:-100])
    return bench.update(copy)


def longer_target(lab: Lab, bench: BenchHome, copy: Path) -> object:
    path = next((copy / "targets").glob("*.ours@2.json"))
    path.write_bytes(path.read_bytes() * 3)
    return bench.update(copy)


def endless_metadata(lab: Lab, bench: BenchHome, copy: Path) -> object:
    (copy / "metadata" / "timestamp.json").write_bytes(b" " * (1 << 20))
    return bench.update(copy)


def endless_snapshot(lab: Lab, bench: BenchHome, copy: Path) -> object:
    path = copy / "metadata" / "timestamp.json"
    stamp: Metadata[Timestamp] = Metadata.from_file(str(path))
    stamp.signed.version += 1
    stamp.signed.snapshot_meta.version += 1
    stamp.signed.snapshot_meta.length = 10**12
    stamp.sign(lab.keys["press"].signer)
    path.write_bytes(stamp.to_bytes())
    (copy / "metadata" / f"{stamp.signed.snapshot_meta.version}.snapshot.json").write_bytes(b" " * (8 << 20))
    return bench.update(copy)


def junk(lab: Lab, bench: BenchHome, copy: Path) -> object:
    (copy / "metadata" / "timestamp.json").write_bytes(b'{"signed": ' + b"[" * 5000 + b"]" * 5000 + b"}")
    return bench.update(copy)


def clock_back(lab: Lab, bench: BenchHome, copy: Path) -> object:
    return bench.update(copy, at=now() - timedelta(days=2))


def clock_before_publication(lab: Lab, bench: BenchHome, copy: Path) -> object:
    lab.forge(copy, lab.targets(), at=now() + timedelta(days=1))
    return bench.update(copy)


def foreign_root(lab: Lab, bench: BenchHome, copy: Path) -> object:
    root = lab.root()
    root.signed.version += 1
    for role in ("root", "targets"):
        root.signed.add_key(lab.keys["mallory"].signer.public_key, role)
    root.sign(lab.keys["mallory"].signer)
    (copy / "metadata" / "2.root.json").write_bytes(root.to_bytes())
    return bench.update(copy)


def root_for_one(lab: Lab, bench: BenchHome, copy: Path) -> object:
    root = lab.root()
    root.signed.version += 1
    root.signed.roles["targets"].threshold = 1
    root.sign(lab.keys["alice"].signer)
    root.sign(lab.keys["bob"].signer, append=True)
    (copy / "metadata" / "2.root.json").write_bytes(root.to_bytes())
    return bench.update(copy)


def missing_target(lab: Lab, bench: BenchHome, copy: Path) -> object:
    next((copy / "targets").glob("*.ours@2.json")).unlink()
    return bench.update(copy)


def other_method(lab: Lab, bench: BenchHome, copy: Path) -> object:
    (bench.methods / "ours@2.json").write_text("{}")
    return bench.update(copy)


#: The list of the issue first; then what else an attacker or an accident could do.
ATTACKS = (
    Attack("one signature of two", errors.TooFewSignatures, one_signature),
    Attack("expired metadata", errors.MetadataExpired, expired),
    Attack("an older version (rollback attack)", errors.OlderVersion, older),
    Attack("a swapped target", errors.TargetSwapped, swapped_target),
    Attack("a truncated download", errors.DownloadTruncated, truncated_target),
    Attack("an unknown key", errors.UnknownKey, unknown_key),
    Attack("the clock set back", errors.ClockSetBack, clock_back),
    Attack("the same metadata for ever (freeze)", errors.MetadataExpired, frozen),
    Attack("a method under another's name", errors.TargetSwapped, swapped_method),
    Attack("targets exchanged, publishing key not stolen", errors.TargetSwapped, swapped_metadata),
    Attack("old targets, publishing key stolen", errors.OlderVersion, older_targets),
    Attack("targets altered after they were signed", errors.SignatureWrong, altered_after_signing),
    Attack("one person signs twice", errors.MetadataDamaged, same_person_twice),
    Attack("published with a foreign key", errors.UnknownKey, unknown_publisher),
    Attack("metadata cut off", errors.DownloadTruncated, truncated_metadata),
    Attack("a target longer than signed", errors.TooMuchData, longer_target),
    Attack("endless metadata", errors.TooMuchData, endless_metadata),
    Attack("endless metadata, publishing key stolen", errors.TooMuchData, endless_snapshot),
    Attack("metadata that is junk", errors.MetadataDamaged, junk),
    Attack("a clock before the publication", errors.ClockSetBack, clock_before_publication),
    Attack("a root by a stranger", errors.UnknownKey, foreign_root),
    Attack("a root that lets one person sign", errors.RootUnfit, root_for_one),
    Attack("a target that is missing", errors.RepositoryUnreachable, missing_target),
    Attack("another method stored under the name", errors.OtherMethodThere, other_method),
)


def prepared(folder: Path, methods: Path) -> tuple[Lab, BenchHome]:
    """Return a laboratory that published version 2, and a bench with version 1; ``first`` is the copy before."""
    lab = Lab(folder, methods)
    lab.release(1)
    lab.copy("first")
    bench = BenchHome(folder / "bench", lab)
    bench.update()
    lab.release(2)
    return lab, bench
