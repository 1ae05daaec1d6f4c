"""The check of ``opioscan doctor`` on released methods: what is active, and how long it is good."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from library.errors import LibraryError
from library.release_errors import NothingTrusted
from library.release_state import ReleaseState, parse_time, read_state

from ..settings import Settings
from .checks import Check, State

#: A method that expires within this time is worth a word (chosen: two publications missed of four).
SOON = timedelta(days=14)

_NAME = "released method"


def released_method(settings: Settings) -> Iterator[Check]:
    """Whether a released method is active, whole, and known to be the current one."""
    try:
        state = read_state(settings.releases_dir)
    except NothingTrusted:
        text = "no laboratory's root is trusted here; scans use the training method until one is"
        yield Check(_NAME, State.NOTE, f"{text}: opioscan method trust ROOT.json", {"active": None})
        return
    if state.active is None:
        text = "a root is trusted, no method is installed yet: opioscan method update --from FOLDER_OR_URL"
        yield Check(_NAME, State.PROBLEM, text, {"active": None})
        return
    yield _active(state, datetime.now(UTC))
    yield from _whole(settings, state)


def _active(state: ReleaseState, now: datetime) -> Check:
    assert state.active is not None
    facts = {
        "active": state.active.to_json(),
        "fresh_until": state.fresh_until,
        "stale": state.stale(now),
        "held_back": state.held_back,
        "source": state.source,
    }
    words = f"{state.active.title} (release {state.active.number}), digest {state.active.method_digest[:12]}"
    if state.held_back:
        words += f", rolled back from release {state.held_back}: {state.log[-1]['why'] if state.log else ''}"
    if state.clock_is_back(now):
        text = f"{words}; the clock is earlier than at the last update, {state.trusted_time}: set it right"
        return Check(_NAME, State.PROBLEM, text, facts)
    if state.stale(now):
        text = (
            f"{words}; past its expiry since {state.fresh_until}: no negatives until opioscan method update"
        )
        return Check(_NAME, State.PROBLEM, text, facts)
    text = f"{words}, known to be current until {state.fresh_until}"
    if parse_time(state.fresh_until) - now < SOON:
        return Check(_NAME, State.NOTE, f"{text}: update soon (opioscan method update)", facts)
    return Check(_NAME, State.OK, text, facts)


def _whole(settings: Settings, state: ReleaseState) -> Iterator[Check]:
    """Whether its files are those that two people signed."""
    from library.release_active import check_installed

    assert state.active is not None
    try:
        check_installed(settings.releases_dir / state.metadata, settings.methods_dir, state.active)
    except LibraryError as error:
        yield Check(_NAME, State.PROBLEM, str(error))
