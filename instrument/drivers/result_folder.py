"""The folder into which an instrument's own program writes: which new file is the result of a measurement.

Only content that was not there before counts, whatever a file is called and whatever its times say: clocks of
instruments are wrong, and old files get touched and copied. The folder has to belong to the instrument alone;
where more than one new file appears nobody can tell which is meant, and none is taken.
"""

import hashlib
import os
import stat
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from spectra.errors import FormatError
from spectra.formats import MAX_BYTES, Decoded, decode
from spectra.values import Technique

from ..errors import AcquisitionAborted, ConnectionLost, FileRefused, PortNotFound
from ..interfaces import OriginalFile, StopCheck, never_stop

#: A file at rest for so long is complete, s; chosen, some network drives pass writes on once a second.
SETTLE_S = 1.0
#: Files of the largest folder watched; more are an archive, not an instrument's own folder.
MAX_FILES = 4096
#: Results remembered after they left the folder.
MAX_TAKEN = 10_000
#: How copying and saving programs call what is not finished.
UNFINISHED_NAMES = (".part", ".tmp", ".crdownload", ".partial")
_CHUNK = 1 << 20
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What changes when a file changes."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> "_Stamp":
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


@dataclass(frozen=True, slots=True)
class FolderResult:
    """The one new file of a measurement."""

    original: OriginalFile
    """Its bytes."""
    sha256: str
    """Their digest, 64 hexadecimal digits."""
    decoded: Decoded
    """Its only spectrum."""


class ResultFolder:
    """Watch a folder for the result of one measurement after the other.

    `remember` before the measurement is started, `look` again and again, with ``done`` once the instrument
    says so, and `refused` when it is high time.

    Parameters
    ----------
    path
        The folder; nothing in it is ever changed.
    settle_s
        A file that did not change for so long is complete, s.

    Raises
    ------
    PortNotFound
        No such folder.
    """

    def __init__(self, path: Path, *, settle_s: float = SETTLE_S) -> None:
        if not path.is_dir():
            raise PortNotFound(f"{path}: no such folder; mount it, or name the one the program writes to")
        self.path = path
        self.settle_s = settle_s
        self._known: dict[str, tuple[_Stamp, str]] = {}
        self._taken: deque[str] = deque(maxlen=MAX_TAKEN)
        self._new: dict[str, _Stamp] = {}
        self._rest_since = self._looked_at = 0.0
        self._judged = False
        self._reason = ""

    def remember(self, *, stop: StopCheck = never_stop) -> None:
        """Note all that is there: none of it is the next result.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so.
        ConnectionLost
            The folder is gone.
        FileRefused
            Too many files to keep account of.
        """
        known: dict[str, tuple[_Stamp, str]] = {}
        for name, stamp in self._list().items():
            if stop():
                raise AcquisitionAborted(f"{self.path}: stopped before the measurement began")
            before = self._known.get(name)
            known[name] = before if before and before[0] == stamp else (stamp, self._digest(name))
        self._known = known
        self._new, self._judged, self._reason = {}, False, ""

    def look(self, *, done: bool) -> FolderResult | None:
        """Return the result once it is there, complete and readable; None until then.

        Parameters
        ----------
        done
            Whether the measurement is over; before, files are only watched.

        Raises
        ------
        FileRefused
            More than one new file.
        ConnectionLost
            The folder is gone.
        """
        now = time.monotonic()
        if now - self._looked_at < self.settle_s / 4:
            return None
        self._looked_at = now
        files = self._list()
        new = {
            name: stamp
            for name, stamp in files.items()
            if name not in self._known or self._known[name][0] != stamp
        }
        if new != self._new:
            self._new, self._rest_since, self._judged = new, now, False
        if not (done and new) or self._judged or now - self._rest_since < self.settle_s:
            return None
        self._judged = True
        return self._judge()

    def at_rest(self) -> bool:
        """Whether nothing has been new or changing in the folder for the settling time."""
        self._looked_at = 0.0
        self.look(done=False)
        return time.monotonic() - self._rest_since >= self.settle_s

    @property
    def anything_new(self) -> bool:
        """Whether something was new at the last look that was not there at `remember`."""
        return bool(self._new)

    def refused(self) -> FileRefused:
        """Return why there is no result."""
        return FileRefused(f"{self.path}: {self._reason or 'no new file appeared'}")

    def _judge(self) -> FolderResult | None:
        contents: dict[str, tuple[str, bytes]] = {}
        old: list[str] = []
        seen = {digest for _, digest in self._known.values()} | set(self._taken)
        for name, stamp in sorted(self._new.items()):
            data = self._read(name, stamp)
            if data is None:
                # It changed or went away under our hands: wait until it rests again.
                self._judged = False
                return None
            digest = hashlib.sha256(data).hexdigest()
            if digest in seen:
                old.append(name)
            else:
                # The same bytes under two names are one measurement.
                contents.setdefault(digest, (name, data))
        if not contents:
            self._reason = f"only files already seen were touched or copied ({', '.join(old[:3])})"
            return None
        if len(contents) > 1:
            names = ", ".join(sorted(name for name, _ in contents.values())[:5])
            self._reason = f"{len(contents)} new files ({names}): which one is the measurement?"
            raise self.refused()
        ((digest, (name, data)),) = contents.items()
        return self._decoded(name, data, digest)

    def _decoded(self, name: str, data: bytes, digest: str) -> FolderResult | None:
        try:
            found = decode(data, name=name, technique=Technique.FTIR)
        except FormatError as error:
            self._reason = str(error)
            return None
        if len(found) != 1:
            self._reason = f"{name} holds {len(found)} spectra: which one is the measurement?"
            return None
        self._taken.append(digest)
        return FolderResult(OriginalFile(name, data, found[0].format), digest, found[0])

    def _list(self) -> dict[str, _Stamp]:
        """Return the complete-looking regular files by name."""
        found: dict[str, _Stamp] = {}
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if len(found) >= MAX_FILES:
                        raise FileRefused(
                            f"{self.path}: more than {MAX_FILES} files; give the instrument an own folder"
                        )
                    if _counts(entry.name):
                        self._add(entry, found)
        except OSError as error:
            raise ConnectionLost(
                f"{self.path}: the folder is gone ({error.strerror}); mount it again"
            ) from error
        return found

    @staticmethod
    def _add(entry: "os.DirEntry[str]", found: dict[str, _Stamp]) -> None:
        try:
            if entry.is_file(follow_symlinks=False):
                found[entry.name] = _Stamp.of(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return

    def _digest(self, name: str) -> str:
        """Return the digest of a file's bytes; empty where it cannot be had or is no spectrum by its size."""
        digest = hashlib.sha256()
        try:
            with os.fdopen(os.open(self.path / name, _READ), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
                    return ""
                left = MAX_BYTES
                while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                    digest.update(chunk)
                    left -= len(chunk)
        except OSError:
            return ""
        return digest.hexdigest()

    def _read(self, name: str, stamp: _Stamp) -> bytes | None:
        """Return a file's bytes; None where it is not what it was when it was listed."""
        try:
            with os.fdopen(os.open(self.path / name, _READ), "rb") as file:
                if _Stamp.of(os.fstat(file.fileno())) != stamp:
                    return None
                data = file.read(MAX_BYTES + 1)
                return data if _Stamp.of(os.fstat(file.fileno())) == stamp else None
        except OSError:
            return None


def _counts(name: str) -> bool:
    """Whether a file's name is one of a finished file."""
    return not name.startswith((".", "~")) and not name.lower().endswith(UNFINISHED_NAMES)
