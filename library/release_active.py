"""The active released method: checked against what two people signed whenever it is loaded.

What reads methods is imported where it is needed: a rollback only switches, and is to take a moment.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from .errors import LibraryError
from .release_errors import NothingToRollBack, NothingTrusted, ReleaseAltered
from .release_record import ReleaseFile, record_target
from .release_state import Installed, read_state, write_state
from .replacing import folder_lock

if TYPE_CHECKING:
    from .method_store import StoredMethod


def active_release(folder: Path) -> Installed | None:
    """Return the active release; None where no root is trusted or nothing was installed yet.

    Raises
    ------
    ReleaseStateDamaged
        The state is damaged: a bench must not take that for having none.
    """
    try:
        return read_state(folder).active
    except NothingTrusted:
        return None


def read_active(folder: Path, methods: Path) -> "StoredMethod":
    """Load the active released method, its files checked against what was signed.

    Parameters
    ----------
    folder
        Folder of releases.
    methods
        Folder of methods.

    Raises
    ------
    NothingTrusted
        Nothing is active.
    ReleaseAltered
        A file is missing, or not what was signed.
    LibraryError
        The method cannot be read.
    """
    from .method_store import read_method

    state = read_state(folder)
    if state.active is None:
        raise NothingTrusted(
            "no released method is installed at this bench: opioscan method update --from ..."
        )
    check_installed(folder / state.metadata, methods, state.active)
    stored = read_method(methods, state.active.name, state.active.version)
    if stored.method.digest != state.active.method_digest:
        raise ReleaseAltered(
            f"{stored.path} is not the method that was released as {state.active.title}{_REMEDY}"
        )
    return stored


def roll_back(
    folder: Path, methods: Path, *, now: datetime, why: str, name: str = "", version: int | None = None
) -> Installed:
    """Switch back to what was active before, and remember why.

    The release left behind, and older ones, are not installed again by themselves; a newer one is.

    Parameters
    ----------
    folder, methods
        Folders of releases and of methods.
    now
        Current time, UTC.
    why
        Reason, for the log.
    name, version
        What to switch back to, of what was active before; the latest by default.

    Raises
    ------
    NothingToRollBack
        Nothing like it was active before.
    ReleaseAltered
        Its files are not what was signed; nothing was switched.
    """
    read_state(folder)
    with folder_lock(folder):
        state = read_state(folder)
        if state.active is None:
            raise NothingToRollBack("no released method is active at this bench")
        fits = [
            place
            for place, one in enumerate(state.history)
            if name in {"", one.name} and version in {None, one.version}
        ]
        if not fits:
            kept = ", ".join(one.title for one in state.history[-5:]) or "none"
            asked = f" of {name}" if name else ""
            raise NothingToRollBack(f"no earlier release{asked} is kept at this bench; kept: {kept}")
        target = state.history[fits[-1]]
        check_installed(folder / state.metadata, methods, target)
        after = replace(
            state,
            active=target,
            history=state.history[: fits[-1]],
            held_back=max(state.held_back, state.active.number),
        )
        write_state(folder, after.noted(now, f"rolled back from {state.active.title} to", target.title, why))
        return target


def check_installed(metadata: Path, methods: Path, installed: Installed) -> None:
    """Check a release's files against the targets that two people signed.

    Parameters
    ----------
    metadata
        Folder of the newest metadata seen.
    methods
        Folder of methods.
    installed
        What is to be checked.

    Raises
    ------
    ReleaseAltered
        The targets no longer list it, are not signed, or a file is missing or another.
    """
    targets = _signed_targets(metadata)
    signed = {path: info.hashes.get("sha256") for path, info in targets.targets.items()}
    listed = {record_target(installed.number): installed.record_sha256}
    listed |= {one.path: one.sha256 for one in installed.files}
    if wrong := [path for path, digest in listed.items() if signed.get(path) != digest]:
        raise ReleaseAltered(f"{wrong[0]} of {installed.title} is not what the signed targets list{_REMEDY}")
    for one in installed.files:
        _check_file(methods / one.path, one)


def is_whole(path: Path, wanted: ReleaseFile) -> bool:
    """Return whether a file is what was signed; a library may differ in bytes, but not in what it holds."""
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256:
                return True
        if not wanted.path.startswith("library-"):
            return False
        from .store import read_library

        return f"library-{read_library(path).digest}.h5" == wanted.path
    except (OSError, LibraryError):
        return False


#: What to do about files that were altered.
_REMEDY = "; run: opioscan method update --reinstall, or opioscan method rollback"


def _check_file(path: Path, wanted: ReleaseFile) -> None:
    if not path.exists():
        raise ReleaseAltered(f"{path} is missing{_REMEDY}")
    if not is_whole(path, wanted):
        raise ReleaseAltered(f"{path} was altered after it was installed{_REMEDY}")


def _signed_targets(metadata: Path) -> Targets:
    """Read the newest targets seen, and verify their signatures by the newest root."""
    try:
        root: Metadata[Root] = Metadata.from_file(str(metadata / "root.json"))
        targets: Metadata[Targets] = Metadata.from_file(str(metadata / "targets.json"))
        root.signed.verify_delegate(Root.type, root.signed_bytes, root.signatures)
        root.signed.verify_delegate(Targets.type, targets.signed_bytes, targets.signatures)
    except (OSError, RepositoryError, DeserializationError, AttributeError) as error:
        raise ReleaseAltered(
            f"the signed metadata in {metadata} is missing or was altered{_REMEDY}"
        ) from error
    return targets.signed
