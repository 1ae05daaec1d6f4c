"""How the agent words what it found: problem objects, and verdicts for people."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from spectra.reasons import REASONS, Verdict, next_steps

from ..archive.journal import ArchivedScan
from ..words import WORDS
from .drop_compare import compare
from .item import label_type
from .operations import result_id


class _ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


def problem_response(problem: dict[str, Any], *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem object (RFC 9457) as a response."""
    extra = {"WWW-Authenticate": "Bearer"} if problem["status"] == 401 else {}
    return _ProblemResponse(problem, status_code=int(problem["status"]), headers={**extra, **(headers or {})})


def scan_answer(
    archived: ArchivedScan, identification: dict[str, Any], posted: str, visit: dict[str, Any]
) -> dict[str, Any]:
    """Return what a program is told of a scan: the identification, and what became of its record.

    Parameters
    ----------
    archived, identification
        What was measured, and what it says (JSON form).
    posted
        Whether the server has it.
    visit
        The item's screening, from `service.bench.visit`.
    """
    scan = archived.scan
    return {
        "identification": identification,
        "scan_id": archived.scan_id,
        "result_id": result_id(archived.scan_id),
        "screening_id": scan.screening_id,
        "screening": visit["screening"],
        "item": scan.item,
        "spot": scan.spot,
        "attempt": scan.attempt,
        "visit": visit,
        "item_id_type": label_type(scan.item),
        "posted": posted,
        "archive_path": str(archived.path),
        "device": {
            "model": scan.device.model,
            "serial": scan.device.serial,
            "emulated": scan.device.emulated,
        },
        "comparison": compare(identification, scan.settings["device_answer"])
        if "device_answer" in scan.settings
        else None,
        "laser_nm_assumed": bool(scan.settings.get("laser_nm_assumed")),
    }


def verdict_view(identification: dict[str, Any]) -> dict[str, Any]:
    """Return what the verdict page shows of an identification (JSON form)."""
    verdict = Verdict(identification["verdict"])
    codes = [code for code in identification["reasons"] if code in REASONS]
    alarm = verdict in {Verdict.ALARM_NAMED, Verdict.ALARM_CLASS}
    listed = next_steps(codes)
    # At an alarm the hold comes first; otherwise the reason's own step is the most useful one.
    steps = (WORDS[verdict].step, *listed) if alarm or not listed else (*listed, WORDS[verdict].step)
    return {
        "verdict": verdict.value,
        "words": WORDS[verdict],
        "steps": steps,
        "reasons": [REASONS[code].text for code in codes],
        "components": identification["components"],
        "named": named_substances(identification),
        "training": bool(identification["training"]),
        "scan_id": identification["scan_id"],
    }


def named_substances(identification: dict[str, Any]) -> str:
    """Return the names an alarm is about, in one line; empty where it names none."""
    if identification["verdict"] == Verdict.ALARM_CLASS:
        return ", ".join(one["class"] for one in identification["classes"] if one["detected"])
    if identification["verdict"] != Verdict.ALARM_NAMED:
        return ""
    parts = [one for one in identification["components"] if one["role"] == "content"]
    watched = [one for one in parts if one.get("watch_list", one["controlled"])]
    return ", ".join(one["substance"] for one in watched or parts)
