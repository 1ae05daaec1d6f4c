"""What the officer's pages call things: attempts, findings, lasers, containers."""

from typing import Any

from spectra.reasons import REASONS, Verdict

from ..words import WORDS, attempt_lines, technique_lines

Answer = dict[str, Any]

#: How a sample may be presented, in the officer's words.
PRESENTATIONS = (
    ("outer", "the parcel itself, unopened"),
    ("bag", "a bag"),
    ("vial", "a vial or bottle"),
    ("direct", "nothing, the sample is open"),
    ("atr", "it lies on the ATR crystal"),
)
#: What a blank may be of.
CONTAINERS = (
    ("bag", "an empty bag"),
    ("vial", "an empty vial or bottle, or the cleaned vial holder"),
    ("outer", "an empty parcel or envelope"),
    ("direct", "nothing at all: the probe alone"),
    ("atr", "the cleaned ATR crystal, nothing on it"),
)
#: State of the laser → symbol and words; no state is told by colour alone.
LASERS = {
    "none": ("·", "This device has no laser of ours."),
    "off": ("○", "LASER OFF"),
    "warning": ("△", "LASER WARNING: it is about to go on"),
    "on": ("▲", "LASER ON: keep eyewear on, do not look at the probe"),
    "may_be_on": ("▲", "THE LASER MAY BE ON"),
    "unreachable": ("?", "LASER NOT IN REACH: it was off when it was last heard of"),
    "unknown": ("?", "LASER: asking its guardian"),
}
POSTED = {
    "posted": "The result is with the server.",
    "queued": "The result is kept on this bench and goes to the server when it can be reached.",
    "refused": "The server refused the result; it is kept on this bench. Tell a technician.",
    "no_server": "The result is kept on this bench; no server is configured.",
}
ENERGETIC_STEPS = (
    "Stop. Do not scan this parcel with a laser, and do not handle it further.",
    "Follow the agency's procedure for energetic material.",
    "Tell your supervisor.",
)
CLEANING_STEPS = ("Clean it by the agency's procedure.", "Take a blank of it, with nothing on it.")
_OUTWARD = {"hold": "hold it", "refer": "refer it", "no_hold_requested": "no hold is requested"}
_ALARM_OWNER = "officer, until a supervisor takes over"
_WHY = {
    Verdict.ALARM_NAMED: "No later scan takes an alarm back.",
    Verdict.ALARM_CLASS: "No later scan takes an alarm back.",
    Verdict.INCONCLUSIVE: "A spot of it still has no answer.",
    Verdict.NO_ALARM: "Every spot of it has an answer.",
}


def attempt_view(one: Answer) -> Answer:
    """Return a line of the list of attempts, from `service.bench.visit`."""
    if one["state"] == "begun":
        return {**one, "symbol": "…", "word": "UNDER WAY", "told": ""}
    if not one["verdict"]:
        return {**one, "symbol": "■", "word": "ABORTED", "told": one["words"]}
    words = WORDS[Verdict(one["verdict"])]
    return {**one, "symbol": words.symbol, "word": words.word, "told": one["named"]}


def finding_view(finding: Answer | None) -> Answer | None:
    """Return a combined finding in words; None where there is none."""
    if finding is None:
        return None
    verdict = Verdict(finding["verdict"])
    return {
        "verdict": verdict.value,
        "words": WORDS[verdict],
        "why": _WHY[verdict],
        "outward": _OUTWARD[finding["outward"]],
        "named": ", ".join(finding["substances"]),
        "by": finding["agreement_text"],
        "techniques": technique_lines(finding),
        "attempts": attempt_lines(finding),
    }


def owners(reasons: list[str]) -> dict[str, str]:
    """Return who does each next step of a scan, by the step's words."""
    known = [REASONS[code] for code in reasons if code in REASONS]
    steps = {words.step: "officer" for words in WORDS.values()}
    steps |= {WORDS[one].step: _ALARM_OWNER for one in (Verdict.ALARM_NAMED, Verdict.ALARM_CLASS)}
    return steps | {one.next_step: one.owner for one in known}


def queue_view(server: Answer, waiting: int, *, refused: int, aside: int) -> Answer:
    """Return what waits for the server: symbol, words and tone, so that no state is told by colour alone."""
    parts = [] if not waiting else [f"{_counted(waiting)} for the server"]
    if refused:
        parts.append(f"{refused} refused by the server: tell a technician")
    if aside:
        parts.append(
            f"{aside} set aside, because the server fails at it or does not answer it: tell a technician"
        )
    if server["state"] == "out_of_reach":
        parts.append("the server is out of reach; scanning goes on")
    if server["state"] == "none":
        words = "; ".join(["this bench works without a server", *parts])
        return {"tone": "calm", "symbol": "·", "words": words}
    if parts:
        return {"tone": "warn", "symbol": "△", "words": "; ".join(parts)}
    return {"tone": "calm", "symbol": "✓", "words": "the server has every result"}


def progress(elapsed_s: float, expected_s: float | None, activity: Answer) -> Answer:
    """Return how far a scan is: percent, seconds so far and seconds expected; None where nobody knows.

    Parameters
    ----------
    elapsed_s
        How long it has run, s.
    expected_s
        How long the last one alike took, s; None for the first.
    activity
        What the device is doing, from `service.bench.activity`.
    """
    share = (activity["done"] - 1) / activity["of"] if activity["done"] else None
    if expected_s:
        share = max(elapsed_s / expected_s, share or 0.0)
    return {
        # Complete is what has ended.
        "percent": None if share is None else min(round(100 * share), 99),
        "elapsed": f"{elapsed_s:.0f}",
        "expected": None if expected_s is None else f"{max(expected_s, elapsed_s, 1.0):.0f}",
    }


def sentence(text: str) -> str:
    """Return a message as it begins a line."""
    return text[:1].upper() + text[1:]


def when(moment: str) -> str:
    """Return a time of a record (RFC 3339, UTC) as pages print it."""
    return moment[:16].replace("T", " ") + " UTC"


def suggested_name(kind: str, taken: set[str]) -> str:
    """Return a name for a blank that is not taken yet."""
    numbers = (f"{kind} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbers if name not in taken)


def _counted(waiting: int) -> str:
    return "1 result waits" if waiting == 1 else f"{waiting} results wait"
