"""What a bench must remember over a restart besides archive and outbox: its blanks.

One small JSON file, replaced as a whole. Losing it costs a new blank, never a result: it only points at scans
that are in the archive.
"""

import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..archive.whole import flush_folder

#: A container's blank and the eyewear's confirmation hold for a shift.
VALIDITY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class BlankNote:
    """A blank that may be used with later scans."""

    name: str
    """Name the officer gave it."""
    scan_id: str
    """Content address of the archived scan."""
    device: str
    """Identity of the instrument it was taken with."""
    container: str
    """Presentation it is a blank of: ``bag``, ``vial``, …"""
    taken_at: str
    """RFC 3339, UTC."""
    expires_at: str
    """RFC 3339, UTC."""
    origin: str = ""
    """Where the container comes from, in the officer's words; empty where nobody said."""


class Notes:
    """The notes file, safe between the threads of one agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._blanks = _read(path)

    def blanks(self) -> tuple[BlankNote, ...]:
        """Return every blank, by name, whether expired or not."""
        with self._lock:
            return tuple(self._blanks[name] for name in sorted(self._blanks))

    def blank(self, name: str) -> BlankNote | None:
        """Return the blank of a name, or None."""
        with self._lock:
            return self._blanks.get(name)

    def keep_blank(self, note: BlankNote, *, instead_of: str = "") -> None:
        """Keep a blank under its name, in place of an older one, and of the one of another name."""
        with self._lock:
            self._blanks.pop(instead_of, None)
            self._blanks[note.name] = note
            self._write()

    def forget_blank(self, name: str) -> None:
        """Forget the blank of a name, if there is one."""
        with self._lock:
            self._blanks.pop(name, None)
            self._write()

    def _write(self) -> None:
        held = {"blanks": {name: asdict(note) for name, note in self._blanks.items()}}
        write_private(self._path, json.dumps(held, indent=1, sort_keys=True).encode())


def _read(path: Path) -> dict[str, BlankNote]:
    """Return the blanks of a notes file; verifications of early versions in it count as never made."""
    try:
        held = json.loads(path.read_bytes())
        return {name: BlankNote(**note) for name, note in held["blanks"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        # Read as "no blanks", the safe reading; the damaged file is kept to be looked at.
        path.replace(path.with_suffix(".damaged"))
        return {}


def write_private(path: Path, data: bytes) -> None:
    """Replace a file atomically with one that only its owner can read (mode 0600), fsynced with its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two threads that replace the same file must not write into one another's.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def utc_now() -> datetime:
    """Return the time now, UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Return a UTC time as records print it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def rfc3339_ms(moment: datetime | None = None) -> str:
    """Return a UTC time, or now, with its milliseconds."""
    at = (utc_now() if moment is None else moment).astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def validity() -> tuple[str, str]:
    """Return when what is noted now was taken and when it expires."""
    now = utc_now()
    return rfc3339(now), rfc3339(now + VALIDITY)


def instrument_key(model: str, serial: str) -> str:
    """Return the name under which an instrument is noted."""
    return f"{model}/{serial}"


def expired(expires_at: str, *, at: datetime | None = None) -> bool:
    """Return whether a time given in a note has passed."""
    return datetime.fromisoformat(expires_at) <= (at or utc_now())
