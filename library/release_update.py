"""Update a bench: fetch, verify, store, then switch; at any moment the old state or the new one is there.

Everything is fetched beside what is in force. First the newest metadata counts (so that nothing older is
believed later), then the method is fetched, checked, rebuilt and stored as one more immutable version, and
last the state is replaced, which is the switch. A scan waits for none of it.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from .errors import LibraryError, LibraryNotWritten
from .method_store import MAX_FILE_BYTES as MAX_METHOD_BYTES
from .method_store import read_method
from .release_active import is_whole
from .release_errors import (
    ClockSetBack,
    MetadataDamaged,
    MetadataExpired,
    OtherMethodThere,
    ReleaseUnusable,
    TooMuchData,
)
from .release_publish import PUBLISHED_AT
from .release_record import (
    INDEX,
    MAX_INDEX_BYTES,
    MAX_RECORD_BYTES,
    Release,
    decode_index,
    decode_release,
    record_target,
)
from .release_refusals import KEPT, refusal
from .release_roles import check_root
from .release_source import Source
from .release_state import (
    CLOCK_TOLERANCE,
    MAX_HISTORY,
    TIME,
    Installed,
    ReleaseState,
    new_metadata_name,
    parse_time,
    read_state,
    write_state,
)
from .release_trust import trusted_root
from .replacing import folder_lock, replace_file
from .store import MAX_FILE_BYTES as MAX_LIBRARY_BYTES

#: Bounds of metadata; TUF's own, but for fewer roots at once (chosen: a century of yearly changes).
CONFIG = UpdaterConfig(max_root_rotations=100, max_delegations=1)

_INCOMING = "incoming-"

_Kind = TypeVar("_Kind", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update came to."""

    active: Installed | None
    """The active release now."""
    before: Installed | None
    """The active release before."""
    release: Release
    """The newest release of the method."""
    switched: bool
    """Whether the bench switched to it."""
    held_back: bool
    """Whether it was left alone because this bench had rolled back from it."""
    fresh_until: str
    """Until when the active method is known to be the current one, RFC 3339 in UTC."""


def update(
    folder: Path, methods: Path, source: Source, *, now: datetime, name: str = "", again: bool = False
) -> Updated:
    """Bring a bench to the newest release.

    Parameters
    ----------
    folder, methods
        Folders of releases and of methods.
    source
        Where to fetch from.
    now
        Current time, UTC.
    name
        Method to follow; by default the active one's name, or the only one there is.
    again
        Fetch and install the newest release even if it is active, or was rolled back from.

    Raises
    ------
    UpdateRefused
        What the source offers is refused; its class says why. The active method stays.
    RepositoryUnreachable
        The source does not answer.
    NothingTrusted, ReleaseStateDamaged
        This bench is not set up.
    LibraryNotWritten
        The system refused; the active method stays.
    """
    read_state(folder)
    with folder_lock(folder):
        state = read_state(folder)
        _check_clock(state, now)
        _clear(folder, state)
        with _fetched(folder, state, source, now) as (updater, expires, state):
            newest = decode_index(_small(updater, source, INDEX, MAX_INDEX_BYTES))
            number = newest[_followed(state, newest, name)]
            info = _info(updater, source, record_target(number))
            release = decode_release(_bytes(updater, source, info, MAX_RECORD_BYTES))
            offered = _installed(release, info)
            if not again and (offered == state.active or number <= state.held_back):
                fresh = replace(state, fresh_until=expires)
                write_state(folder, fresh)
                return Updated(state.active, state.active, release, False, offered != state.active, expires)
            _fetch_method(updater, source, offered, folder, methods)
        switched = _switched(state, offered, expires, now)
        write_state(folder, switched)
        return Updated(offered, state.active, release, True, False, expires)


def _check_clock(state: ReleaseState, now: datetime) -> None:
    if state.clock_is_back(now):
        raise ClockSetBack(
            f"this machine's clock says {now:{TIME}}, but it was {state.trusted_time} at the last update: "
            f"set the clock right, then update again; {KEPT}"
        )


def _clear(folder: Path, state: ReleaseState) -> None:
    """Remove what an update that was killed left."""
    for left in folder.iterdir():
        if left.name.startswith(("metadata-", _INCOMING)) and left.name != state.metadata:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _fetched(
    folder: Path, state: ReleaseState, source: Source, now: datetime
) -> Iterator[tuple[Updater, str, ReleaseState]]:
    """Fetch and verify the newest metadata beside what is in force, and let it count from now on."""
    metadata = folder / new_metadata_name()
    if state.metadata and (folder / state.metadata).is_dir():
        shutil.copytree(folder / state.metadata, metadata, symlinks=True)
    else:
        metadata.mkdir()
    try:
        updater = _refreshed(metadata, folder, source)
        root = _read(metadata, "root", Root)
        check_root(root)
        _check_published(metadata, now, source)
        stamps = [
            root.expires,
            _read(metadata, "timestamp", Timestamp).expires,
            _read(metadata, "snapshot", Snapshot).expires,
            _read(metadata, "targets", Targets).expires,
        ]
        _check_expiry(min(stamps), now, source)
        _flush(metadata)
        counts = replace(state.seen_at(now), metadata=metadata.name, source=source.name)
        write_state(folder, counts)
    except BaseException:
        shutil.rmtree(metadata, ignore_errors=True)
        raise
    if state.metadata:
        shutil.rmtree(folder / state.metadata, ignore_errors=True)
    yield updater, min(stamps).strftime(TIME), counts


def _refreshed(metadata: Path, folder: Path, source: Source) -> Updater:
    try:
        updater = Updater(
            str(metadata),
            source.metadata_url,
            target_base_url=source.targets_url,
            fetcher=source,
            config=CONFIG,
            bootstrap=trusted_root(folder),
        )
    except (RepositoryError, OSError) as error:
        raise MetadataDamaged(
            f"the trusted root in {folder} is damaged: trust it again with --replace"
        ) from error
    try:
        updater.refresh()
    except (RepositoryError, DownloadError) as error:
        raise refusal(error, source, _read(metadata, "root", Root)) from error
    except OSError as error:
        if isinstance(error, LibraryError):
            raise
        raise LibraryNotWritten(f"{metadata} could not be written: {error.strerror}") from error
    return updater


def _check_published(metadata: Path, now: datetime, source: Source) -> None:
    """Refuse a clock that is earlier than the moment the newest metadata was signed."""
    said = _read(metadata, "timestamp", Timestamp).unrecognized_fields.get(PUBLISHED_AT, "")
    try:
        published = parse_time(said)
    except (ValueError, TypeError) as error:
        raise MetadataDamaged(f"{source.name} does not say when it was published; {KEPT}") from error
    if now < published - CLOCK_TOLERANCE:
        raise ClockSetBack(
            f"this machine's clock says {now:{TIME}}, but {source.name} was published at {said}: "
            f"set the clock right, then update again; {KEPT}"
        )


def _check_expiry(expires: datetime, now: datetime, source: Source) -> None:
    """Refuse what is past its date by the time that counts here too."""
    if now >= expires:
        raise MetadataExpired(
            f"{source.name} is past its date since {expires:{TIME}}: it was not published anew, or this is a "
            f"frozen copy; publish it again (opioscan method publish); {KEPT}"
        )


def _followed(state: ReleaseState, newest: dict[str, int], name: str) -> str:
    wanted = name or (state.active.name if state.active else "")
    if not wanted and len(newest) == 1:
        return next(iter(newest))
    if wanted not in newest:
        there = ", ".join(sorted(newest)[:20]) or "none"
        asked = (
            f"no method {wanted!r} is released"
            if wanted
            else "name the method this bench is to follow (--method)"
        )
        raise ReleaseUnusable(f"{asked}; released: {there}")
    return wanted


def _installed(release: Release, info: TargetFile) -> Installed:
    return Installed(
        number=release.number,
        name=release.name,
        version=release.version,
        method_digest=release.method_digest,
        record_sha256=info.hashes["sha256"],
        files=release.files,
    )


def _fetch_method(updater: Updater, source: Source, offered: Installed, folder: Path, methods: Path) -> None:
    """Fetch a method's files, rebuild it to see that it can be used, and store it."""
    _check_room(methods, offered)
    incoming = folder / f"{_INCOMING}{secrets.token_hex(8)}"
    incoming.mkdir()
    try:
        for one in offered.files:
            most = MAX_LIBRARY_BYTES if one.path.startswith("library-") else MAX_METHOD_BYTES
            if is_whole(methods / one.path, one):
                (incoming / one.path).symlink_to((methods / one.path).absolute())
                continue
            info = _info(updater, source, one.path)
            if (info.hashes.get("sha256"), info.length) != (one.sha256, one.size) or info.length > most:
                raise ReleaseUnusable(f"{one.path} is not listed as the release says, or too large; {KEPT}")
            _download(updater, source, info, incoming / one.path)
        _check_usable(incoming, offered)
        _store(incoming, methods, offered)
    except OSError as error:
        if isinstance(error, LibraryError):
            raise
        raise LibraryNotWritten(
            f"{error.filename or methods} could not be written: {error.strerror}"
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _check_room(methods: Path, offered: Installed) -> None:
    """Refuse a version that somebody fitted here under the same name."""
    methods.mkdir(parents=True, exist_ok=True)
    path = methods / f"{offered.title}.json"
    wanted = next(one for one in offered.files if one.path == path.name)
    if path.exists() and not is_whole(path, wanted):
        raise OtherMethodThere(
            f"another method is stored here as {path}: move that file away if it was fitted here, "
            f"then update again; {KEPT}"
        )


def _check_usable(incoming: Path, offered: Installed) -> None:
    try:
        digest = read_method(incoming, offered.name, offered.version).method.digest
    except LibraryError as error:
        raise ReleaseUnusable(f"{offered.title} cannot be used by this program: {error}; {KEPT}") from error
    if digest != offered.method_digest:
        raise ReleaseUnusable(
            f"{offered.title} is rebuilt otherwise by this program: update opioscan first; {KEPT}"
        )


def _store(incoming: Path, methods: Path, offered: Installed) -> None:
    """Put new files into the folder of methods, the library first: a method without it is not whole."""
    for one in sorted(offered.files, key=lambda one: not one.path.startswith("library-")):
        if not (incoming / one.path).is_symlink():
            replace_file(methods / one.path, (incoming / one.path).rename)


def _switched(state: ReleaseState, offered: Installed, expires: str, now: datetime) -> ReleaseState:
    before = state.active
    history = state.history if before is None or before == offered else (*state.history, before)
    after = replace(
        state,
        active=offered,
        history=tuple(one for one in history if one != offered)[-MAX_HISTORY:],
        fresh_until=expires,
        held_back=0,
    )
    return after.noted(now, "updated to", offered.title, f"release {offered.number} from {state.source}")


def _info(updater: Updater, source: Source, path: str) -> TargetFile:
    info = updater.get_targetinfo(path)
    if info is None:
        raise ReleaseUnusable(f"{source.name} lists no {path}: no method was released there yet; {KEPT}")
    return info


def _small(updater: Updater, source: Source, path: str, most: int) -> bytes:
    return _bytes(updater, source, _info(updater, source, path), most)


def _bytes(updater: Updater, source: Source, info: TargetFile, most: int) -> bytes:
    if info.length > most:
        raise TooMuchData(f"{info.path} of {source.name} is larger than it may be; {KEPT}")
    with tempfile.TemporaryDirectory(prefix="opioscan-update-") as place:
        path = Path(place) / "target"
        _download(updater, source, info, path)
        return path.read_bytes()


def _download(updater: Updater, source: Source, info: TargetFile, path: Path) -> None:
    try:
        updater.download_target(info, str(path))
    except (RepositoryError, DownloadError) as error:
        raise refusal(error, source, Root(), expected=info.length) from error


def _read(metadata: Path, role: str, kind: type[_Kind]) -> _Kind:
    """Return metadata that was verified a moment ago."""
    found: Metadata[_Kind] = Metadata.from_file(str(metadata / f"{role}.json"))
    if not isinstance(found.signed, kind):
        raise MetadataDamaged(f"{metadata / role} is not what its name says")
    return found.signed


def _flush(folder: Path) -> None:
    """Force a folder of metadata to the disk before the state names it."""
    for place, _, files in os.walk(folder):
        for path in (Path(place), *(Path(place) / name for name in files)):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
