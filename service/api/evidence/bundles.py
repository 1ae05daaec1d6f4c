"""The evidence bundle of a result, put together from what was kept."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import rfc8785

from ...archive.journal import RESERVE_BYTES, free_bytes
from ...errors import DiskFull
from ...evidence.bundle import MANIFEST, RECORD, manifest
from ...evidence.environment import environment_lock
from ...evidence.readme import readme
from ...plain_zip import zip_pieces
from ..heads_key import public_files
from ..heads_signed import LATEST, files_in
from ..tables import ResultPerson
from .gather import Gathered, Keeps
from .reports import facts_of, report_of
from .segment import segment_of

Member = bytes | Path

#: Bytes of a file hashed at a time.
_CHUNK = 1 << 20

#: Largest file of a signed head or of a public key; larger ones are none.
_HEAD_BYTES = 64 * 1024


def bundle_file(store: Keeps, found: Gathered, *, people: bool) -> Path:
    """Write the bundle of a result to a temporary file, which the caller removes.

    Parameters
    ----------
    people
        Whether the operator's name goes into it.

    Raises
    ------
    DiskFull
        There is no room for it.
    """
    facts = facts_of(store, found, people=people)
    members = {**_members(store, found, people=people), "report.pdf": report_of(store, facts)}
    members[MANIFEST] = manifest(found.result.result_id, _told(members))
    # Beside the records: a temporary folder may be memory.
    folder = store.settings.methods_path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_room(folder, sum(_size(data) for data in members.values()))
    with tempfile.NamedTemporaryFile("wb", dir=folder, prefix=".bundle-", delete=False) as file:
        try:
            for piece in zip_pieces(members):
                file.write(piece)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return Path(file.name)


def require_room(folder: Path, nbytes: int, free: Callable[[Path], int] = free_bytes) -> None:
    """Refuse what would take the room that records and scans need; raises `DiskFull`."""
    if free(folder) < nbytes + RESERVE_BYTES:
        raise DiskFull(f"{folder} has no room for a bundle of {nbytes} bytes; free some space")


def _members(store: Keeps, found: Gathered, *, people: bool) -> dict[str, Member]:
    result = found.result
    with store.database.read() as session:
        segment = segment_of(session, found)
        person = session.get(ResultPerson, result.result_id) if people else None
    members: dict[str, Member] = {
        "result.json": _record(found),
        "identification.json": result.identification.encode(),
        "screening.json": _screening(found),
        f"scan/{result.scan_id}.h5": found.scan,
        **{f"calibrations/{name}.json": text.encode() for name, text in found.records.items()},
        **segment,
        **_heads(store.settings.methods_path.parent),
        "environment.json": json.dumps(environment_lock(), indent=1, sort_keys=True).encode(),
        "README.txt": readme(result.result_id, found.missing, people=people).encode(),
    }
    if found.blank is not None:
        members[f"blank/{found.blank_id}.h5"] = found.blank
    if found.verification is not None:
        members[f"verification/{found.verification.scan_id}.json"] = found.verification.body.encode()
    for row, path in found.methods[:1]:
        members[f"method/{row.file_id}.zip"] = path
    if person is not None:
        told = {"operator": person.operator, "salt": person.salt.hex()}
        members["people.json"] = json.dumps(told, sort_keys=True).encode()
    return members


def _record(found: Gathered) -> bytes:
    result = found.result
    known = {"identification": found.identification, "device": json.loads(result.device)}
    said = {name: known[name] if name in known else getattr(result, name) for name in RECORD}
    names = ("record_digest", "parcel_id", "emulated", "late", "received_at")
    return rfc8785.dumps({**said, **{name: getattr(result, name) for name in names}})


def _screening(found: Gathered) -> bytes:
    row = found.screening
    names = ("screening_id", "parcel_id", "bench", "site", "state", "opened_at", "completed_at")
    finding = None if row.finding is None else json.loads(row.finding)
    return rfc8785.dumps({**{name: getattr(row, name) for name in names}, "finding": finding})


def _heads(folder: Path) -> dict[str, Member]:
    """Return the signed heads that the server keeps outside its database, and their public keys."""
    paths = [*files_in(folder / "heads", LATEST), *public_files(folder)]
    kept = [path for path in paths if path.is_file() and path.stat().st_size <= _HEAD_BYTES]
    return {f"chain/{path.name.lstrip('.-_')}": path.read_bytes() for path in kept}


def _told(members: Mapping[str, Member]) -> dict[str, tuple[str, int]]:
    return {name: _digest(data) for name, data in members.items()}


def _size(data: Member) -> int:
    return len(data) if isinstance(data, bytes) else data.stat().st_size


def _digest(data: Member) -> tuple[str, int]:
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest(), len(data)
    sha, size = hashlib.sha256(), 0
    with data.open("rb") as file:
        while piece := file.read(_CHUNK):
            sha.update(piece)
            size += len(piece)
    return sha.hexdigest(), size
