"""The negative control: with nothing before the probe, nothing may be found."""

from collections.abc import Mapping
from typing import Any

from .verification import Figure, Verdict, Verification

#: What a scan of nothing may well be called: it is weak.
_CUT_OFF = "saturated"


def negative_control(
    identification: Mapping[str, Any],
    *,
    at: str = "",
    what: str = "empty place",
    device_serial: str = "",
    scan_id: str = "",
    residue: str | None = None,
    standard: str = "",
) -> Verification:
    """Judge a scan of an empty place or container by its identification.

    Parameters
    ----------
    identification
        What the method in force found, without a blank, in its JSON form (``opioscan.identification/1``).
    at
        Time of the verification, RFC 3339 in UTC.
    what
        What is empty.
    residue
        What somebody who knows the place says of a residue; empty for clean. None leaves the word to the
        identification: part of the spectrum that matches nothing is a residue.
    standard
        What the last positive control was made with. Where it is seen it lies there still: no verdict.
    """
    seen = _seen(identification)
    unexplained = "unexplained_residual" in identification["reasons"]
    rest = (
        ("bands that no container material explains" if unexplained else "") if residue is None else residue
    )
    if rest:
        seen.append(rest)
    names = {str(part["substance"]).casefold() for part in identification["components"]}
    verdict: Verdict = "failed" if seen else "passed"
    why = f"this is not empty: {'; '.join(seen)}" if seen else ""
    if not seen and _CUT_OFF in identification["reasons"]:
        verdict, why = "no_verdict", "the detector was saturated: scan again with less exposure"
    others = [name for name in seen if name.casefold() != standard]
    if standard in names and not others:
        verdict, why = "no_verdict", f"{standard} is before the probe: take it away, clean, and scan again"
    words = why or f"nothing found in the {what}"
    figure = Figure("empty", float(len(seen)), None, 0.0, "", _ok(verdict), words)
    return Verification("negative", verdict, why, what, (figure,), device_serial, scan_id, at)


def _seen(identification: Mapping[str, Any]) -> list[str]:
    """Return what was found that no empty place shows, in words."""
    seen = []
    for part in identification["components"]:
        if part.get("watch_list") or part["controlled"]:
            # Not by name here: the verdict's own rules decide who may be named.
            seen.append("a watched substance")
        elif part["role"] == "content":
            seen.append(str(part["substance"]))
    seen += [f"a class: {one['class']}" for one in identification["classes"] if one["detected"]]
    if not seen and str(identification["verdict"]).startswith("alarm"):
        seen.append("an alarm")
    return list(dict.fromkeys(seen))


def _ok(verdict: Verdict) -> bool | None:
    return None if verdict == "no_verdict" else verdict == "passed"
