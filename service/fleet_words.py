"""How the state of a bench is told to people, on the page and in the terminal alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StateWords:
    """How a state is shown, so that nothing hangs on a colour."""

    word: str
    """In capitals."""
    symbol: str
    """A sign that differs in shape from those of other states."""


#: State of the API → words, the gravest first.
STATES = {
    "silent": StateWords("SILENT", "∅"),
    "unverified": StateWords("UNVERIFIED", "!"),
    "behind": StateWords("BEHIND", "↓"),
    "queue_waiting": StateWords("QUEUE WAITING", "≡"),
    "current": StateWords("CURRENT", "✓"),
}

#: What a state of a later version is shown as.
UNKNOWN = StateWords("UNKNOWN STATE", "?")

_AXIS = {
    "verified": "verified, due {due_at}",
    "overdue": "OVERDUE since {due_at}",
    "failed": "FAILED at {verified_at}",
    "missing": "never verified",
}


@dataclass(frozen=True, slots=True)
class BenchLine:
    """A bench in words."""

    bench: str
    states: tuple[StateWords, ...]
    kind: str
    reasons: tuple[str, ...]
    marks: tuple[str, ...]
    method: str
    digests: str
    devices: tuple[str, ...]
    queue: str
    heard: str
    software: str


def gravest_first(benches: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return benches of the API in the order in which somebody has to look at them."""
    rank = {name: n for n, name in enumerate(STATES)}
    return sorted(benches, key=lambda one: (rank.get(one["state"], -1), one["bench"]))


def bench_line(bench: Mapping[str, Any]) -> BenchLine:
    """Return a bench of the API (JSON form of ``BenchView``) in words."""
    report = bench["report"]
    marks = {"TRAINING": bench["training"], "EMULATED INSTRUMENT": bench["emulated"]}
    return BenchLine(
        bench=bench["bench"],
        states=tuple(STATES.get(one, UNKNOWN) for one in bench["states"]),
        kind=bench["state"],
        reasons=tuple(bench["reasons"]),
        marks=tuple(mark for mark, stands in marks.items() if stands),
        method=_method(report),
        digests=_digests(report["method"]),
        devices=tuple(_device(one) for one in report["devices"]) or ("no device",),
        queue=_queue(report["outbox"]),
        heard=f"{minute(bench['received_at'])} ({ago(bench['silent_for_s'])} ago)",
        software=f"{report['software']}, clock {report['clock']}",
    )


def tally(benches: Sequence[Mapping[str, Any]]) -> str:
    """Return how many benches stand how, the gravest first, each bench counted in its gravest state."""
    counts = {name: sum(one["state"] == name for one in benches) for name in STATES}
    told = [f"{STATES[name].symbol} {n} {STATES[name].word.lower()}" for name, n in counts.items() if n]
    noun = "bench" if len(benches) == 1 else "benches"
    return f"{len(benches)} {noun}" + (f": {', '.join(told)}" if told else "")


def newest_line(newest: Mapping[str, Any] | None) -> str:
    """Return which released method is the newest that is known, and from where."""
    if newest is None:
        return "No released method is known: benches are held against the highest version of their method."
    told = f"Newest method: {newest['name']}@{newest['version']} (release {newest['number']})"
    if newest["source"] == "installed_here":
        return f"{told}, signed and installed on this server."
    return f"{told}, as {newest['bench']} reports."


def minute(moment: str) -> str:
    """Return a time as people read it, UTC, to the minute."""
    return moment[:16].replace("T", " ")


def ago(seconds: float) -> str:
    """Return how long ago something was, roughly."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _method(report: Mapping[str, Any]) -> str:
    method, release = report["method"], report["release"]
    if method is None:
        return "being loaded"
    told = f"{method['name']}@{method['version']}"
    if release is None:
        return f"{told}, not released"
    number = "release unknown" if release["number"] is None else f"release {release['number']}"
    good = f"good until {minute(release['expires_at'])}" if release["expires_at"] else "expiry unknown"
    return f"{told}, {number}, {'PAST ITS EXPIRY' if release['stale'] else good}"


def _digests(method: Mapping[str, Any] | None) -> str:
    if method is None:
        return ""
    library = method["library"]
    return f"digest {method['digest'][:12]}, library {library['name']} {library['digest'][:12]}"


def _device(device: Mapping[str, Any]) -> str:
    known = f"{device['model']} {device['serial']}".strip() or "not opened yet"
    said = device["verification"]
    axis = _AXIS[said["state"]].format(
        due_at=minute(said["due_at"] or "an unknown time"), verified_at=minute(said["verified_at"] or "")
    )
    return f"{device['name']}: {known}{' (emulated)' if device['emulated'] else ''}, {axis}"


def _queue(box: Mapping[str, Any]) -> str:
    told = f"{box['pending']} waiting"
    if box["oldest_s"] is not None:
        told += f", the oldest {ago(box['oldest_s'])}"
    return told + (f", {box['refused']} refused" if box["refused"] else "")
