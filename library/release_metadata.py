"""The newest metadata of a source, verified and made to count; and the files that it lists.

TUF's client verifies in a copy beside what is in force. Only when everything about the copy is good does the
state name it, so that nothing older is believed afterwards, whatever becomes of the update.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from .errors import LibraryError, LibraryNotWritten
from .release_errors import ClockSetBack, MetadataDamaged, MetadataExpired, ReleaseUnusable, TooMuchData
from .release_publish import PUBLISHED_AT
from .release_refusals import KEPT, refusal
from .release_roles import check_root
from .release_source import Source
from .release_state import CLOCK_TOLERANCE, TIME, ReleaseState, new_metadata_name, parse_time, write_state
from .release_trust import trusted_root

#: Bounds of metadata; TUF's own, but for fewer roots at once (chosen: a century of yearly changes).
CONFIG = UpdaterConfig(max_root_rotations=100, max_delegations=1)

_Kind = TypeVar("_Kind", Root, Timestamp, Snapshot, Targets)


@contextmanager
def newest_metadata(
    folder: Path, state: ReleaseState, source: Source, now: datetime
) -> Iterator[tuple[Updater, str, ReleaseState]]:
    """Fetch and verify the newest metadata beside what is in force, and let it count from now on.

    Parameters
    ----------
    folder
        Folder of releases, locked.
    state
        The bench's state.
    source
        Where to fetch from.
    now
        Current time, UTC.

    Yields
    ------
    tuple
        TUF's client, to fetch listed files with; until when the metadata is good, RFC 3339 in UTC; the state
        that names it.

    Raises
    ------
    UpdateRefused
        It is refused; its class says why.
    RepositoryUnreachable
        The source does not answer.
    LibraryNotWritten
        The system refused.
    """
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


def target_info(updater: Updater, source: Source, path: str) -> TargetFile:
    """Return what the targets say of a file; raises `ReleaseUnusable` where they do not list it."""
    info = updater.get_targetinfo(path)
    if info is None:
        raise ReleaseUnusable(f"{source.name} lists no {path}: no method was released there yet; {KEPT}")
    return info


def target_bytes(updater: Updater, source: Source, info: TargetFile, most: int) -> bytes:
    """Fetch a small listed file; raises `TooMuchData` beyond `most`, and as `download`."""
    if info.length > most:
        raise TooMuchData(f"{info.path} of {source.name} is larger than it may be; {KEPT}")
    with tempfile.TemporaryDirectory(prefix="opioscan-update-") as place:
        path = Path(place) / "target"
        download(updater, source, info, path)
        return path.read_bytes()


def download(updater: Updater, source: Source, info: TargetFile, path: Path) -> None:
    """Fetch a listed file and check its length and digest; raises the named refusal."""
    try:
        updater.download_target(info, str(path))
    except (RepositoryError, DownloadError) as error:
        raise refusal(error, source, Root(), expected=info.length) from error


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
