"""Update a bench: fetch, verify, store, then switch; at any moment the old state or the new one is there.

Everything is fetched beside what is in force. First the newest metadata counts (so that nothing older is
believed later), then the method is fetched, checked, rebuilt and stored as one more immutable version, and
last the state is replaced, which is the switch. A scan waits for none of it.

What rebuilds methods is imported where it is needed: to hear that nothing is newer is to take a moment.
"""

import secrets
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater

from .errors import LibraryError, LibraryNotWritten
from .release_active import is_whole
from .release_errors import ClockSetBack, OtherMethodThere, ReleaseUnusable
from .release_metadata import download, newest_metadata, target_bytes, target_info
from .release_record import (
    INDEX,
    MAX_INDEX_BYTES,
    MAX_RECORD_BYTES,
    Release,
    decode_index,
    decode_release,
    record_target,
)
from .release_refusals import KEPT
from .release_source import Source
from .release_state import MAX_HISTORY, TIME, Installed, ReleaseState, read_state, write_state
from .replacing import folder_lock, replace_file
from .store import MAX_FILE_BYTES as MAX_LIBRARY_BYTES

_INCOMING = "incoming-"


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
        with newest_metadata(folder, state, source, now) as (updater, expires, state):
            index = target_info(updater, source, INDEX)
            newest = decode_index(target_bytes(updater, source, index, MAX_INDEX_BYTES))
            followed = _followed(state, newest, name)
            number = newest[followed]
            info = target_info(updater, source, record_target(number))
            release = decode_release(target_bytes(updater, source, info, MAX_RECORD_BYTES))
            if (release.name, release.number) != (followed, number):
                raise ReleaseUnusable(
                    f"{info.path} of {source.name} is the record of another release; {KEPT}"
                )
            offered = _installed(release, info)
            held = state.active is not None and state.active.name == followed and number <= state.held_back
            if not again and (offered == state.active or held):
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
    from .method_store import MAX_FILE_BYTES as MAX_METHOD_BYTES

    _check_room(methods, offered)
    incoming = folder / f"{_INCOMING}{secrets.token_hex(8)}"
    incoming.mkdir()
    try:
        for one in offered.files:
            most = MAX_LIBRARY_BYTES if one.path.startswith("library-") else MAX_METHOD_BYTES
            if is_whole(methods / one.path, one):
                (incoming / one.path).symlink_to((methods / one.path).absolute())
                continue
            info = target_info(updater, source, one.path)
            if (info.hashes.get("sha256"), info.length) != (one.sha256, one.size) or info.length > most:
                raise ReleaseUnusable(f"{one.path} is not listed as the release says, or too large; {KEPT}")
            download(updater, source, info, incoming / one.path)
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
    from .method_store import read_method

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
