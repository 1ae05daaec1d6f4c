"""The laser goes dark: kills, exceptions, time-outs, interlock and lost ports at random moments of its being on.

The laser emulator's own log says when it went dark.
"""

import argparse
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from figures import Sheet, progress, run
from laser_agent_lane import AgentLane
from laser_client_lane import ClientLane
from laser_trials import NotLit, Trial

LIMIT_S = 2.0
GUARDIAN_LIMIT_S = 3.0
KILLS = 200
#: Benches side by side → cause → trials. The agent's benches cost most of the processor time.
TRIALS: dict[str, dict[str, int]] = {
    "agent": {
        "SIGKILL of the bench": 14,
        "SIGKILL of the command": 24,
        "SIGINT": 24,
        "interlock": 8,
        "spectrometer's port": 10,
        "laser's port": 6,
    },
    "cobolt": {
        "SIGKILL of the bench": 8,
        "exception": 16,
        "time-out": 12,
        "interlock": 6,
        "spectrometer's port": 12,
        "laser's port": 8,
        "SIGKILL of the guardian": 8,
        "SIGKILL of guardian and bench": 3,
    },
    "ips": {
        "SIGKILL of the bench": 6,
        "exception": 10,
        "time-out": 8,
        "interlock": 4,
        "spectrometer's port": 8,
        "laser's port": 6,
        "SIGKILL of the guardian": 6,
        "SIGKILL of guardian and bench": 2,
    },
    "ventana": {
        "SIGKILL of the bench": 6,
        "exception": 10,
        "time-out": 8,
        "interlock": 6,
        "laser's port": 6,
        "SIGKILL of the guardian": 6,
        "SIGKILL of guardian and bench": 2,
    },
}
#: Causes of the bar's own sentence about kills; the others have limits of their own.
OWN_LIMITS = {"laser's port", "SIGKILL of the guardian", "SIGKILL of guardian and bench"}
#: A trial whose moment came too late is taken again, so often at most.
AGAIN = 5
WITHIN_S = 660.0


class Lane(Protocol):
    """A bench of its own on which trials follow each other."""

    name: str

    def trial(self, cause: str, rng: random.Random) -> Trial:
        """Take one."""
        ...

    def context(self) -> str:
        """Return what may tell why a trial could not be taken."""
        ...

    def close(self) -> None:
        """End everything."""
        ...


@dataclass(slots=True)
class Gathered:
    """What the lanes have gathered so far."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    trials: list[Trial] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    open: set[Lane] = field(default_factory=set)
    """Benches that are not closed yet."""


def measure(sheet: Sheet) -> None:
    """Take all trials, benches side by side."""
    deadline, gathered = time.monotonic() + WITHIN_S, Gathered()
    runners = [
        threading.Thread(
            target=_run_lane, args=(name, make, causes, sheet.given.share, deadline, gathered), daemon=True
        )
        for name, make, causes in _lanes(sheet)
    ]
    try:
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
    finally:
        # A bar that is stopped still ends the programs it started.
        for lane in list(gathered.open):
            _close(lane, gathered)
    trials = gathered.trials
    sheet.facts["trials"] = [trial.to_json() for trial in trials]
    sheet.none_of("trials that could not be taken", gathered.broken)
    _tell_kills(sheet, [trial for trial in trials if trial.cause not in OWN_LIMITS])
    _tell_port(sheet, [trial for trial in trials if trial.cause == "laser's port"])
    _tell_guardian(sheet, [trial for trial in trials if trial.cause == "SIGKILL of the guardian"])
    _tell_both(sheet, [trial for trial in trials if trial.cause == "SIGKILL of guardian and bench"])


def _lanes(sheet: Sheet) -> "list[tuple[str, Callable[[], Lane], dict[str, int]]]":
    """Return the benches: two with an agent, and one for each kind of laser."""
    made: list[tuple[str, Callable[[], Lane], dict[str, int]]] = []
    for number in range(2):
        folder = sheet.work / f"agent-{number}"
        made.append((f"agent-{number}", _agent(folder, number), TRIALS["agent"]))
    for number, laser in enumerate(("cobolt", "ips", "ventana")):
        made.append((laser, _client(laser, number), TRIALS[laser]))
    return [one for one in made if not sheet.given.lane or one[0] in sheet.given.lane]


def _agent(folder: Path, seed: int) -> "Callable[[], Lane]":
    return lambda: AgentLane(folder, seed)


def _client(laser: str, seed: int) -> "Callable[[], Lane]":
    return lambda: ClientLane(laser, seed)


def _run_lane(
    name: str,
    make: "Callable[[], Lane]",
    causes: dict[str, int],
    share: float,
    deadline: float,
    gathered: Gathered,
) -> None:
    rng = random.Random(name)
    due = [cause for cause, count in causes.items() for _ in range(max(1, round(count * share)))]
    rng.shuffle(due)
    lane: Lane | None = None
    for number, cause in enumerate(due):
        if time.monotonic() > deadline:
            with gathered.lock:
                gathered.broken.append(f"{name}: no time left for {len(due) - number} trials")
            break
        try:
            if lane is None:
                lane = make()
                gathered.open.add(lane)
            trial = _taken(lane, cause, rng)
        # A trial that cannot be taken is told as such, and the next one begins afresh.
        except Exception as error:
            with gathered.lock:
                gathered.broken.append(f"{name}, {cause}: {type(error).__name__}: {error}"[:300])
                progress(f"{gathered.broken[-1]}; {lane.context() if lane is not None else 'no bench'}")
            _close(lane, gathered)
            lane = None
            continue
        with gathered.lock:
            gathered.trials.append(trial)
            progress(f"{len(gathered.trials)}: {trial}")
    _close(lane, gathered)


def _taken(lane: Lane, cause: str, rng: random.Random) -> Trial:
    for _ in range(AGAIN):
        try:
            return lane.trial(cause, rng)
        except NotLit:
            continue
    raise RuntimeError(f"the laser was never on at the moment of {cause}")


def _close(lane: Lane | None, gathered: Gathered) -> None:
    if lane is None or lane not in gathered.open:
        return
    gathered.open.discard(lane)
    try:
        lane.close()
    # What cannot be ended in order is ended with the bar.
    except Exception as error:
        progress(f"{lane.name}: {error}")


def _tell_kills(sheet: Sheet, trials: list[Trial]) -> None:
    sheet.add(
        "kills, exceptions, time-outs, lost ports with the laser on",
        f"≥ {KILLS}",
        str(len(trials)),
        passed=len(trials) >= KILLS,
    )
    longest = max((trial.dark_s for trial in trials), default=float("inf"))
    sheet.at_most("to laser off by its own log, longest", LIMIT_S, longest)
    in_time = sum(trial.dark_s <= LIMIT_S for trial in trials)
    sheet.all_of("laser off within 2 s", in_time, len(trials), want=len(trials))
    for cause, count in Counter(trial.cause for trial in trials).most_common():
        chosen = [trial for trial in trials if trial.cause == cause]
        worst = max(trial.dark_s for trial in chosen)
        benches = Counter(trial.bench for trial in chosen)
        where = ", ".join(f"{number} {bench}" for bench, number in benches.items())
        sheet.tell(f"{cause}: {count} trials, longest", f"{worst:.2f} s ({where})")
    missing = [trial.missing_s for trial in trials if trial.missing_s is not None]
    if missing:
        sheet.tell("time-out: from the missing answer to laser off, longest", f"{max(missing):.2f} s")
    said = {cause: Counter(t.said for t in trials if t.cause == cause) for cause in {t.cause for t in trials}}
    sheet.facts["said"] = {cause: dict(words) for cause, words in said.items()}


def _tell_port(sheet: Sheet, trials: list[Trial]) -> None:
    shouts = [float("inf") if trial.shout_s is None else trial.shout_s for trial in trials]
    sheet.at_most(
        f"loss of the laser's own port, {len(trials)} times: laser_may_be_on shouted, longest",
        LIMIT_S,
        max(shouts, default=float("inf")),
    )
    dark = max((trial.dark_s for trial in trials), default=float("inf"))
    sheet.at_most("the port is back: laser off, longest", LIMIT_S, dark)
    sheet.facts["laser's port: said"] = dict(Counter(trial.said for trial in trials))


def _tell_guardian(sheet: Sheet, trials: list[Trial]) -> None:
    dark = max((trial.dark_s for trial in trials), default=float("inf"))
    what = f"SIGKILL of the guardian, {len(trials)} times: laser off, longest"
    sheet.at_most(what, GUARDIAN_LIMIT_S, dark)
    again = sum(bool(trial.restarted) for trial in trials)
    sheet.all_of("another guardian in its place", again, len(trials), want=len(trials))


def _tell_both(sheet: Sheet, trials: list[Trial]) -> None:
    dark = max((trial.dark_s for trial in trials), default=float("inf"))
    sheet.tell(
        f"SIGKILL of guardian and bench, {len(trials)} times: off after the next start of a bench, longest",
        f"{dark:.2f} s",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--share", type=float, default=1.0, help="share of all trials, for a short look")
    parser.add_argument("--lane", action="append", help="only this bench: agent-0, agent-1, cobolt, …")


if __name__ == "__main__":
    run(measure, _options)
