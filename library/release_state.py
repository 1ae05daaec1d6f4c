"""What a bench knows of releases: one small file, replaced whole, that says which method is active.

::

    releases/root.json         the root trusted at installation
    releases/state.json        everything below; to switch is to replace this file
    releases/metadata-*/       the newest metadata seen; the state names the one that counts

Methods themselves lie in the folder of methods like any other, and stay there.
"""

import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from spectra.digest import json_digest

from .method_names import NAME
from .release_errors import NothingTrusted, ReleaseStateDamaged
from .release_record import MAX_RELEASE, ReleaseFile, file_of, is_count
from .replacing import replace_file

FORMAT, FORMAT_VERSION = "opioscan.releases", 1

STATE, ROOT = "state.json", "root.json"

#: How RFC 3339 times are written here, UTC.
TIME = "%Y-%m-%dT%H:%M:%SZ"

#: A larger state is none.
MAX_STATE_BYTES = 4 << 20

#: Earlier releases kept for a rollback, and lines of the log (chosen).
MAX_HISTORY, MAX_LOG = 20, 200

#: A clock may be this much earlier than a time it has passed: clocks are set, and two never agree (chosen).
CLOCK_TOLERANCE = timedelta(minutes=5)

_FIELDS = {
    "format",
    "format_version",
    "metadata",
    "source",
    "trusted_time",
    "fresh_until",
    "active",
    "history",
}
_FIELDS |= {"held_back", "log", "digest"}


@dataclass(frozen=True, slots=True)
class Installed:
    """A release that is stored at this bench."""

    number: int
    """Its number."""
    name: str
    """Name of the method."""
    version: int
    """Its version."""
    method_digest: str
    """Digest of the method as a value."""
    record_sha256: str
    """SHA-256 of the release's record, as signed."""
    files: tuple[ReleaseFile, ...]
    """Its files, as signed."""

    @property
    def title(self) -> str:
        """Method and version, as people write them."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "release": self.number,
            "name": self.name,
            "version": self.version,
            "method_digest": self.method_digest,
            "record_sha256": self.record_sha256,
            "files": [one.to_json() for one in self.files],
        }


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """What a bench knows of releases."""

    metadata: str = ""
    """Folder with the newest metadata seen; empty before the first update."""
    source: str = ""
    """Where the last update came from."""
    trusted_time: str = ""
    """Latest time at which metadata was good: no honest clock is earlier. Empty for never."""
    fresh_until: str = ""
    """Until when the active method is known to be the current one; empty for never."""
    active: Installed | None = None
    """The active released method; None for none."""
    history: tuple[Installed, ...] = ()
    """What was active before, the latest last."""
    held_back: int = 0
    """Releases up to this number were rolled back from and are not installed by themselves; 0 for none."""
    log: tuple[dict[str, str], ...] = field(default=())
    """What was switched when, and why, the latest last."""

    def noted(self, now: datetime, what: str, title: str, why: str = "") -> "ReleaseState":
        """Return it with a line in its log."""
        line = {"at": now.strftime(TIME), "what": what, "method": title, "why": why[:400]}
        return replace(self, log=(*self.log, line)[-MAX_LOG:])

    def seen_at(self, now: datetime) -> "ReleaseState":
        """Return it with the clock's floor raised to a time at which metadata was good."""
        told = now.strftime(TIME)
        return replace(self, trusted_time=max(self.trusted_time, told))

    def clock_is_back(self, now: datetime) -> bool:
        """Return whether a clock is earlier than it can be."""
        return bool(self.trusted_time) and now < parse_time(self.trusted_time) - CLOCK_TOLERANCE

    def stale(self, now: datetime) -> bool:
        """Return whether the active method is past its expiry, or a clock that is wrong cannot say."""
        if self.active is None:
            return False
        return not self.fresh_until or now >= parse_time(self.fresh_until) or self.clock_is_back(now)


def read_state(folder: Path) -> ReleaseState:
    """Read a bench's state.

    Parameters
    ----------
    folder
        Folder of releases.

    Raises
    ------
    NothingTrusted
        No root was trusted here.
    ReleaseStateDamaged
        The state is damaged or altered.
    """
    path = folder / STATE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError as error:
        raise NothingTrusted("no root is trusted at this bench: opioscan method trust ROOT.json") from error
    except OSError as error:
        raise ReleaseStateDamaged(f"{path} cannot be read: {error.strerror}") from error
    try:
        if len(data) > MAX_STATE_BYTES:
            raise ValueError("it is too large")
        return _state_of(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReleaseStateDamaged(
            f"{path} is damaged ({error}): trust the root again with opioscan method trust ROOT.json "
            "--replace, then update"
        ) from error


def write_state(folder: Path, state: ReleaseState) -> None:
    """Replace a bench's state whole; with it the bench switches."""
    said = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "metadata": state.metadata,
        "source": state.source,
        "trusted_time": state.trusted_time,
        "fresh_until": state.fresh_until,
        "active": None if state.active is None else state.active.to_json(),
        "history": [one.to_json() for one in state.history],
        "held_back": state.held_back,
        "log": list(state.log),
    }
    text = json.dumps({**said, "digest": json_digest(said)}, sort_keys=True)
    replace_file(folder / STATE, partial(Path.write_text, data=f"{text}\n", encoding="utf-8"))


def state_mark(folder: Path) -> tuple[int, int]:
    """Return what changes whenever the state does, without reading it; zeros where there is none."""
    try:
        found = (folder / STATE).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def new_metadata_name() -> str:
    """Return a name for a folder of metadata that none has had."""
    return f"metadata-{secrets.token_hex(8)}"


def parse_time(text: str) -> datetime:
    """Return a time as written here; raises ``ValueError`` for what is none."""
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def _state_of(said: Any) -> ReleaseState:
    if not isinstance(said, dict) or said.keys() != _FIELDS or said["format"] != FORMAT:
        raise ValueError("it is no state of releases")
    if said["format_version"] != FORMAT_VERSION:
        raise ValueError(f"it is of format version {said['format_version']!s:.20}")
    if json_digest({key: said[key] for key in _FIELDS - {"digest"}}) != said["digest"]:
        raise ValueError("it does not match its digest")
    for name in ("trusted_time", "fresh_until"):
        if said[name]:
            parse_time(said[name])
    metadata = said["metadata"]
    if metadata and not (metadata.startswith("metadata-") and metadata.replace("-", "").isalnum()):
        raise ValueError("it names a strange folder")
    held = said["held_back"]
    if held and not (is_count(held) and held <= MAX_RELEASE):
        raise ValueError("it holds back a strange release")
    return ReleaseState(
        metadata=metadata,
        source=str(said["source"]),
        trusted_time=said["trusted_time"],
        fresh_until=said["fresh_until"],
        active=None if said["active"] is None else _installed(said["active"]),
        history=tuple(_installed(one) for one in said["history"]),
        held_back=held,
        log=tuple({key: str(one[key]) for key in ("at", "what", "method", "why")} for one in said["log"]),
    )


def _installed(said: Any) -> Installed:
    if not (NAME.fullmatch(said["name"]) and is_count(said["version"]) and is_count(said["release"])):
        raise ValueError("an installed release is damaged")
    return Installed(
        number=said["release"],
        name=said["name"],
        version=said["version"],
        method_digest=str(said["method_digest"]),
        record_sha256=str(said["record_sha256"]),
        files=tuple(file_of(one) for one in said["files"]),
    )
