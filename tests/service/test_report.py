"""The report of a result: one page whatever it has to tell."""

from typing import Any

import pytest

from service.report.facts import ReportFacts
from service.report.page import draw_page, report_pdf
from service.report.parts import SEAL_TOP, marks_of
from service.report.sheet import PLAIN, Sheet, cut, wrapped
from spectra.reasons import REASONS, Verdict

LONG = "a substance with a name that is far longer than any column of a page is wide, and on and on " * 3


def component(number: int, name: str) -> dict[str, Any]:
    return {
        "substance": f"{name} {number}",
        "reference_id": f"r{number}",
        "role": "content" if number else "container",
        "controlled": True,
        "class": "cutting_agent",
        "evidence": ("measured", "derived", "literature")[number % 3],
        "spectral_share": 0.2,
        "statistic": 13146.0,
        "p_value": 0.0026,
        "hqi": 0.94,
        "shift_cm1": 0.8,
        "bands_cm1": [745.0],
        "alternatives": [name] * 5,
        "watch_list": True,
    }


def facts(*, name: str = LONG, verdict: str = "alarm_named", parts: int = 5, **changes: Any) -> ReportFacts:
    axis = [400.0 + 2 * k for k in range(700)]
    curve = [abs(k % 97 - 48) / 48 for k in range(700)]
    components = [component(k, name) for k in range(parts)]
    shown = [{**one, "intensity": curve} for one in components]
    curves = {
        "axis_cm1": axis,
        "query": curve,
        "fit": curve,
        "components": shown,
        "residual": curve,
        "x_label": "Raman shift (cm⁻¹)",
        "complete": True,
        "why": name,
    }
    limits = [{"substance": f"{name} {k}", "detectable_share": k / 40 if k % 2 else None} for k in range(20)]
    digest = "b" * 64
    named = {"name": name[:512], "digest": digest}
    identification = {
        "scan_id": "a" * 64,
        "technique": "raman",
        "laser_nm": 785.0,
        "verdict": verdict,
        "reasons": list(REASONS),
        "components": components,
        "classes": [{"class": name, "detected": True, "p_value": 0.1, "basis": name}],
        "not_excluded": limits,
        "provenance": {
            "method": {**named, "version": 3},
            "library": named,
            "recipe": named,
            "calibration": {"id": digest, "verified_at": "2026-11-22T12:00:00Z", "verification": digest},
            "false_alarm_rate": 0.01,
            "null_count": 3000,
            "software": name,
            "build": name,
        },
    }
    told: dict[str, Any] = {
        "result_id": "6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11",
        "record_digest": digest,
        "event_seq": 10**9,
        "event_hash": digest,
        "item_id": name,
        "screening_id": "6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d12",
        "bench": name,
        "site": name,
        "spot": 99,
        "attempt": 99,
        "taken_at": "2026-11-22T12:00:00Z",
        "received_at": "2026-11-22T12:00:00.000000Z",
        "identification": identification,
        "device": {"model": name, "serial": name, "firmware": name, "url": "", "emulated": True},
        "curves": curves,
        "operator": name,
        **dict.fromkeys(("training", "emulated", "sandbox", "late", "under_review"), True),
    }
    return ReportFacts(**{**told, **changes})


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_most_there_can_be_to_tell_fits_on_a_page(verdict: Verdict) -> None:
    told = facts(verdict=str(verdict))
    assert draw_page(Sheet("x"), told) >= SEAL_TOP


def test_equal_facts_give_equal_bytes() -> None:
    told = facts()
    made = report_pdf(told)
    assert made.count(b"/Type /Page\n") == 1
    assert made == report_pdf(ReportFacts.from_json(told.to_json()))
    assert len(marks_of(told)) == 4


def test_the_least_there_can_be_to_tell_makes_a_page_too() -> None:
    nothing = {
        "axis_cm1": [],
        "query": [],
        "fit": None,
        "components": [],
        "residual": None,
        "x_label": "",
        "complete": False,
        "why": "Nothing can be drawn.",
    }
    told = facts(name="", parts=0, curves=nothing, training=False, emulated=False, sandbox=False)
    told.identification.update(reasons=[], not_excluded=[], classes=[])
    assert report_pdf(told).count(b"/Type /Page\n") == 1


def test_letters_no_font_has_do_no_harm() -> None:
    assert report_pdf(facts(name="芬太尼 \x00\u202e ▲ ⁻¹ %s </b>")).startswith(b"%PDF")


def test_text_is_cut_where_it_ends() -> None:
    Sheet("fonts")
    assert cut("short", PLAIN, 8, 100) == "short"
    assert cut(LONG, PLAIN, 8, 100).endswith("…")
    lines = wrapped(LONG, PLAIN, 8, 200, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
