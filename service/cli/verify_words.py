"""A verification for people: figures with their limits, the verdict, what is due and what is flagged."""

from typing import Any

_WORDS = {True: "PASS", False: "FAIL", None: "not judged"}

_VERDICTS = {
    ("positive", "passed"): "PASS: the instrument is within its limits",
    ("positive", "failed"): "FAIL: take the instrument out of use and recalibrate it",
    ("negative", "passed"): "PASS: nothing is found where nothing is",
    ("negative", "failed"): "FAIL: clean window and holder by the agency's procedure, then verify again",
}

_NOTHING_SAID = "This says nothing of the instrument; what was known before still counts."

#: Most of flagged results named one by one; all of them are in ``--json``.
_SHOWN = 10


def page(answer: dict[str, Any]) -> str:
    """Return the text for an answer of the bench to ``verify``."""
    outcome = answer["verification"]
    rows = [(_WORDS[figure["ok"]], figure["words"]) for figure in outcome["figures"]]
    lines = [f"{outcome['standard']} on {answer['device']}"]
    lines += [f"  {word:<10} {words}" for word, words in rows]
    lines.append(_verdict(answer))
    if answer["passed"]:
        lines.append(f"next verification due at {answer['due']['at']}, {answer['due']['words']}")
    if answer["state"] != "verified":
        lines.append(f"The instrument counts as {answer['state']}: {answer['state_why']}")
    return "\n".join(lines + flagged(answer["flagged"]))


def flagged(said: dict[str, Any]) -> list[str]:
    """Return which results are flagged for review, as lines; none where none are."""
    count = said["count"]
    if not count:
        return []
    results = "result" if count == 1 else "results"
    shown = ", ".join(said["result_ids"][:_SHOWN])
    more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
    verb = "is" if count == 1 else "are"
    return [f"{count} {results} since {said['since']} {verb} flagged for review: {shown}{more}"]


def _verdict(answer: dict[str, Any]) -> str:
    outcome = answer["verification"]
    if outcome["verdict"] == "no_verdict":
        return f"NO VERDICT: {outcome['why']}\n{_NOTHING_SAID}"
    return _VERDICTS[outcome["control"], outcome["verdict"]]
