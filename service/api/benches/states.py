"""How a bench stands, judged by its last report, the time, and what the rest of the fleet has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...fleet_words import ago, minute
from .models import BenchReport, BenchState, DeviceReport, NewestRelease

#: More than this between two clocks makes times in records doubtful, s (chosen; `doctor` says the same).
SKEW_S = 30.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What one bench is held against."""

    newest: NewestRelease | None
    """The newest released method that is known; None where none was released."""
    versions: Mapping[str, int]
    """Highest version that is reported of each method, by name."""
    silent_s: float
    """After how long without a report a bench is silent, s."""
    queue_s: float
    """How old the oldest entry of an outbox may be, s."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bench stands."""

    states: tuple[BenchState, ...]
    """All that apply, the gravest first; never empty."""
    reasons: tuple[str, ...]
    """Why, in sentences."""


def judge(report: BenchReport, received: datetime, now: datetime, fleet: Fleet) -> Standing:
    """Return how a bench stands.

    Parameters
    ----------
    report
        Its last report.
    received
        When that came, by the server's clock.
    now
        The server's clock.
    fleet
        What it is held against.
    """
    found = {
        BenchState.SILENT: _silence(received, now, fleet.silent_s),
        BenchState.UNVERIFIED: _verification(report, now),
        BenchState.BEHIND: [*_staleness(report, now), *_method(report, fleet)],
        BenchState.QUEUE_WAITING: _queue(report, fleet.queue_s),
    }
    states = tuple(state for state in BenchState if found.get(state))
    reasons = [reason for state in states for reason in found[state]]
    return Standing(states or (BenchState.CURRENT,), (*reasons, *_clock(report, received)))


def training_of(report: BenchReport) -> bool:
    """Whether a bench answers with a method of harmless targets."""
    return report.method is not None and report.method.training


def skew_s(report: BenchReport, received: datetime) -> float:
    """Return how far a bench's clock was ahead of the server's, s; the time on the way included."""
    return (datetime.fromisoformat(report.sent_at) - received).total_seconds()


def _silence(received: datetime, now: datetime, silent_s: float) -> list[str]:
    silent = (now - received).total_seconds()
    if silent <= silent_s:
        return []
    return [f"no report for {ago(silent)}: see whether it runs and reaches the server"]


def _verification(report: BenchReport, now: datetime) -> list[str]:
    return [words for device in report.devices if (words := _unverified(device, now))]


def _unverified(device: DeviceReport, now: datetime) -> str:
    said = device.verification
    known = f"{device.name} ({device.model} {device.serial})" if device.model else device.name
    if said.state == "missing":
        return f"{known}: its axis was never verified"
    if said.state == "failed":
        return f"{known}: the verification of {_utc(said.verified_at)} failed"
    if said.state == "overdue" or (said.due_at and datetime.fromisoformat(said.due_at) <= now):
        return f"{known}: a verification is due since {_utc(said.due_at)}"
    return ""


def _staleness(report: BenchReport, now: datetime) -> list[str]:
    release = report.release
    if release is None:
        return []
    past = release.expires_at is not None and datetime.fromisoformat(release.expires_at) <= now
    if not (release.stale or past):
        return []
    since = f" since {_utc(release.expires_at)}" if release.expires_at and past else ""
    return [f"its method is past its expiry{since}: no negatives until opioscan method update"]


def _method(report: BenchReport, fleet: Fleet) -> list[str]:
    method, newest = report.method, fleet.newest
    if method is None:
        return []
    if newest is None:
        highest = fleet.versions.get(method.name, method.version)
        if method.version >= highest:
            return []
        return [f"answers with {method.name}@{method.version}; another bench has version {highest}"]
    number = report.release.number if report.release is not None else None
    if number is not None and number > newest.number:
        return []
    if (number, method.digest) == (newest.number, newest.digest):
        return []
    words = f"answers with {method.name}@{method.version}{_release(report)}"
    return [f"{words}; the newest is {newest.name}@{newest.version} (release {newest.number})"]


def _release(report: BenchReport) -> str:
    release = report.release
    if release is None or release.number is None:
        return ", which was not released" if release is None else ", of a release nobody can tell"
    back = f", rolled back from {release.held_back}" if release.held_back else ""
    return f" (release {release.number}{back})"


def _queue(report: BenchReport, queue_s: float) -> list[str]:
    box, found = report.outbox, []
    if box.oldest_s is not None and box.oldest_s > queue_s:
        found.append(f"{box.pending} operation(s) wait, the oldest for {ago(box.oldest_s)}")
    if box.refused:
        found.append(f"{box.refused} operation(s) were refused: opioscan outbox status at the bench says why")
    return found


def _clock(report: BenchReport, received: datetime) -> list[str]:
    skew = skew_s(report, received)
    if abs(skew) <= SKEW_S:
        return []
    return [f"its clock is {ago(abs(skew))} {'ahead' if skew > 0 else 'behind'}: set it right"]


def _utc(moment: str | None) -> str:
    return f"{minute(moment)} UTC" if moment else "an unknown time"
