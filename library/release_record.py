"""What a release says: which method it is, its files, what changed, and what the release gate found.

A record is the target ``release-NNNNNN.json``, numbered in the order of release; ``releases.json`` names
the newest of every method. Both are signed by two people as part of the targets.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from .method_names import LIBRARY_FILE, METHOD_FILE, NAME
from .release_errors import ReleaseUnusable

FORMAT, INDEX_FORMAT, FORMAT_VERSION = "opioscan.release", "opioscan.release-index", 1

#: Target that names the newest release of every method.
INDEX = "releases.json"

#: Bounds of what is read; more is a mistake or an attack.
MAX_RECORD_BYTES = 16 << 20
MAX_INDEX_BYTES = 1 << 20
MAX_RELEASE = 999_999
MAX_CHANGELOG = 20_000

_DIGEST = re.compile(r"[0-9a-f]{64}")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "format_version": int,
    "release": int,
    "method": dict,
    "files": list,
    "changelog": str,
    "gate": dict,
    "made_at": str,
    "software": str,
}


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """A file of a release."""

    path: str
    """Its name, in the repository and in the folder of methods."""
    sha256: str
    """SHA-256 of its bytes."""
    size: int
    """Its length, bytes."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"path": self.path, "sha256": self.sha256, "size": self.size}


@dataclass(frozen=True, slots=True)
class Release:
    """A released version of a method."""

    number: int
    """Place in the order of release, from 1; a later release outranks an earlier one."""
    name: str
    """Name of the method."""
    version: int
    """Its version."""
    method_digest: str
    """Digest of the method as a value, which results cite."""
    files: tuple[ReleaseFile, ...]
    """The method's file and its library's."""
    changelog: str
    """What changed, in words."""
    gate: dict[str, Any]
    """What the release gate found, JSON values."""
    made_at: str
    """When it was made, RFC 3339 in UTC."""
    software: str
    """What made it."""

    @property
    def target(self) -> str:
        """Name of its record among the targets."""
        return record_target(self.number)

    @property
    def title(self) -> str:
        """Method and version, as people write them."""
        return f"{self.name}@{self.version}"

    def encode(self) -> bytes:
        """Return the record as bytes."""
        said = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "release": self.number,
            "method": {"name": self.name, "version": self.version, "digest": self.method_digest},
            "files": [one.to_json() for one in self.files],
            "changelog": self.changelog,
            "gate": self.gate,
            "made_at": self.made_at,
            "software": self.software,
        }
        return f"{json.dumps(said, allow_nan=False, sort_keys=True)}\n".encode()


def record_target(number: int) -> str:
    """Return the target of a release's record."""
    return f"release-{number:06d}.json"


def decode_release(data: bytes) -> Release:
    """Read a record.

    Raises
    ------
    ReleaseUnusable
        It is no record this program can read.
    """
    from .entry_json import check_kinds

    said = _parsed(data, FORMAT, MAX_RECORD_BYTES)
    try:
        check_kinds(said, _KINDS, what="a release")
        method = said["method"]
        files = tuple(file_of(one) for one in said["files"])
        name, version = method["name"], method["version"]
        named = {f"{name}@{version}.json"} | {one.path for one in files if LIBRARY_FILE.fullmatch(one.path)}
        if not (
            NAME.fullmatch(name)
            and is_count(version)
            and _DIGEST.fullmatch(method["digest"])
            and 0 < said["release"] <= MAX_RELEASE
            and len(files) == 2
            and {one.path for one in files} == named
        ):
            raise ReleaseUnusable("a field of the release is out of range")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ReleaseUnusable):
            raise
        raise ReleaseUnusable(f"a field of the release is missing or damaged: {error}") from error
    return Release(
        number=said["release"],
        name=name,
        version=version,
        method_digest=method["digest"],
        files=files,
        changelog=said["changelog"],
        gate=said["gate"],
        made_at=said["made_at"],
        software=said["software"],
    )


def encode_index(newest: dict[str, int]) -> bytes:
    """Return the index as bytes: the number of the newest release by name."""
    said = {"format": INDEX_FORMAT, "format_version": FORMAT_VERSION, "newest": newest}
    return f"{json.dumps(said, sort_keys=True)}\n".encode()


def decode_index(data: bytes) -> dict[str, int]:
    """Read an index.

    Raises
    ------
    ReleaseUnusable
        It is no index this program can read.
    """
    newest = _parsed(data, INDEX_FORMAT, MAX_INDEX_BYTES).get("newest")
    if not isinstance(newest, dict) or not all(
        NAME.fullmatch(name) and is_count(number) and number <= MAX_RELEASE for name, number in newest.items()
    ):
        raise ReleaseUnusable("the list of releases is damaged")
    return dict(newest)


def file_of(said: Any) -> ReleaseFile:
    """Read a file of a release from JSON values; raises ``ValueError``, ``TypeError`` or ``KeyError``."""
    path, sha256, size = said["path"], said["sha256"], said["size"]
    if not (isinstance(path, str) and _DIGEST.fullmatch(sha256) and is_count(size)):
        raise ValueError("a file of the release is damaged")
    if not (LIBRARY_FILE.fullmatch(path) or METHOD_FILE.fullmatch(path)):
        raise ValueError("a file of the release has a strange name")
    return ReleaseFile(path, sha256, size)


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _parsed(data: bytes, format_: str, most: int) -> dict[str, Any]:
    if len(data) > most:
        raise ReleaseUnusable(f"a record of {len(data)} bytes is larger than one may be")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReleaseUnusable("a record is no JSON") from error
    if not isinstance(said, dict) or said.get("format") != format_:
        raise ReleaseUnusable("it is no record of a release")
    if said.get("format_version") != FORMAT_VERSION:
        raise ReleaseUnusable(
            f"the release is of format version {said.get('format_version')!s:.20}, this program reads "
            f"{FORMAT_VERSION}: install a newer opioscan"
        )
    return said
