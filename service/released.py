"""The method in force at this installation: the active released one, or the training method where none is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from library.errors import LibraryError
from library.method_store import StoredMethod
from library.release_errors import NothingTrusted
from library.release_state import Installed, ReleaseState, read_state
from spectra.answer import InstrumentState
from spectra.method import Method

from .settings import Settings


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What is known of the release a method came with."""

    number: int | None
    """Its number; None where the record of releases is damaged."""
    stale: bool
    """Whether it is past its expiry, or nobody can tell."""
    expires_at: str
    """Until when it is known to be current, RFC 3339 in UTC; empty for unknown."""
    held_back: int
    """Releases up to this were rolled back from; 0 for none."""


def method_in_force(settings: Settings, *, advance: Callable[[float], None] | None = None) -> Method:
    """Load the active released method, verified, or the training method where no method was released here.

    A released method that is damaged is an error: the training method never stands in for it.

    Raises
    ------
    ReleaseAltered, ReleaseStateDamaged
        The released method, or the record of it, is not what it was.
    LibraryError
        The method cannot be read.
    """
    if (stored := released_method(settings)) is not None:
        return stored.method
    from library.methods import training_method

    return training_method(settings.home, advance=advance)


def released_method(settings: Settings) -> StoredMethod | None:
    """Load the active released method, verified; None where there is none. Raises as `method_in_force`."""
    if active_release(settings) is None:
        return None
    from library.release_active import read_active

    return read_active(settings.releases_dir, settings.methods_dir)


def active_release(settings: Settings) -> Installed | None:
    """Return the active release without loading it; None where there is none.

    Raises
    ------
    ReleaseStateDamaged
        The record of releases is damaged.
    """
    state = _state(settings)
    return None if state is None else state.active


def release_mark(settings: Settings) -> str:
    """Return what tells one method in force from another, without loading it."""
    try:
        active = active_release(settings)
    except LibraryError:
        return "damaged"
    return "" if active is None else f"{active.number} {active.method_digest}"


def release_facts(settings: Settings, method: Method) -> ReleaseFacts | None:
    """Return what is known of the release a method came with; None for a method that was not released."""
    try:
        known = _state(settings)
    except LibraryError:
        return ReleaseFacts(None, stale=True, expires_at="", held_back=0)
    if known is None or known.active is None:
        return None
    for one in (known.active, *reversed(known.history)):
        if one.method_digest == method.digest:
            stale = known.stale(datetime.now(UTC))
            return ReleaseFacts(one.number, stale, known.fresh_until, known.held_back)
    return None


def with_age(state: InstrumentState, settings: Settings, method: Method) -> InstrumentState:
    """Return an instrument's state that says too whether the method is past its expiry.

    A method that was not released has no expiry. Where the record of releases is damaged, nobody knows:
    then a method counts as stale, which forbids a negative and hides no alarm.
    """
    try:
        known = _state(settings)
    except LibraryError:
        return replace(state, method_stale=True)
    released = () if known is None or known.active is None else (known.active, *known.history)
    if known is None or method.digest not in {one.method_digest for one in released}:
        return state
    return replace(state, method_stale=known.stale(datetime.now(UTC)))


def _state(settings: Settings) -> ReleaseState | None:
    try:
        return read_state(settings.releases_dir)
    except NothingTrusted:
        return None
