"""The server's pages in real Chromium: axe-core's verdict, what the console says, and that nothing leaves the host.

A server with a day's work (`pages_station`), every page at 1280 and 800 px, light and dark, full screenshots to be
looked at. axe-core is fetched by npm into the bar's own folder and run in a context that lets it past the policy;
the policy itself, and the console, are judged in a second context without it.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from figures import Sheet, progress, run  # noqa: E402
from pages_station import Filled, api_of, fill  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402

from service.api.permissions import Role  # noqa: E402
from tests.browser import TABLET, WIDE, Watched, looking_at, opened  # noqa: E402
from tests.service.api.conftest import serving  # noqa: E402

#: What must not be there (axe-core's impacts); moderate and minor ones are told.
FORBIDDEN = {"serious", "critical"}
LOOKS = [(size, dark) for size in (WIDE, TABLET) for dark in (False, True)]
AXE = "axe-core@4"
#: Longest for curves that are computed again on a busy machine, ms.
PATIENCE_MS = 60_000


@dataclass
class Found:
    """What was found on one page, over all its looks."""

    violations: Counter[str] = field(default_factory=Counter)
    forbidden: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)


def measure(sheet: Sheet) -> None:
    """Look at every page in every look."""
    axe = _axe(sheet.work / "axe")
    shots = sheet.work / "screenshots"
    shots.mkdir(exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT)
    with serving(sheet.work) as served, opened() as browser:
        filled = fill(api_of(served), sheet.work)
        pages = dict(_pages(filled))
        found = {name: Found() for name in pages}
        for size, dark in LOOKS:
            look = f"{size[0]}-{'dark' if dark else 'light'}"
            progress(f"{len(pages)} pages at {look}")
            _look(browser, served, pages, found, shots, look=look, size=size, dark=dark)
            _judge(browser, served, pages, found, axe, size=size, dark=dark)
    _tell(sheet, found, shots)


def _pages(filled: Filled) -> Iterator[tuple[str, str]]:
    library = filled.method.library_digest
    yield "login", "/login"
    yield "screenings", "/"
    yield "not-found", "/?item=XX000"
    yield "problem", f"/results/{'0' * 8}-0000-4000-8000-{'0' * 12}"
    for name in ("Metamizole", "Ibuprofen", ""):
        yield f"result-{name.lower() or 'empty'}", f"/results/{filled.results[name]}"
    yield "screening", f"/screenings/{filled.screenings['Ibuprofen']}"
    yield "parcel", f"/parcels/{filled.parcels['Ketoprofen']}"
    yield from ((name, f"/{name}") for name in ("reviews", "flags", "libraries", "fleet", "calibrations"))
    yield from (("measures", "/measures"), ("docs", "/docs"))
    yield "library", f"/libraries/{library}"
    yield "reference", f"/libraries/{library}/entry?id=raman-metamizole-derived"


def _look(
    browser: Browser,
    served: Any,
    pages: dict[str, str],
    found: dict[str, Found],
    shots: Path,
    *,
    look: str,
    **how: Any,
) -> None:
    """Take pictures under the real policy, and note what the console says and what is asked for."""
    with looking_at(browser, base_url=served.url, **how) as watched:
        for name, path in pages.items():
            began = time.monotonic()
            found[name].statuses.add(_open(watched, served, name, path))
            found[name].seconds.append(time.monotonic() - began)
            watched.page.screenshot(path=shots / f"{name}-{look}.png", full_page=True)
            found[name].said += [one for one in watched.said if not _is_wanted(name, one)]
            found[name].strangers += watched.strangers()
            found[name].wide += _too_wide(watched.page, look)
            watched.said.clear()
            watched.asked.clear()


def _due(name: str) -> set[int]:
    return {404} if name == "problem" else {200}


def _is_wanted(name: str, said: str) -> bool:
    """Whether the console tells of the status that a page of a problem has."""
    return name == "problem" and "404" in said


def _judge(
    browser: Browser, served: Any, pages: dict[str, str], found: dict[str, Found], axe: str, **how: Any
) -> None:
    """Have axe-core judge the pages."""
    with looking_at(browser, base_url=served.url, bypass_csp=True, **how) as watched:
        for name, path in pages.items():
            _open(watched, served, name, path)
            watched.page.evaluate(axe)
            for one in watched.page.evaluate("axe.run()")["violations"]:
                found[name].violations[f"{one['impact']} {one['id']}"] += len(one["nodes"])
                if one["impact"] in FORBIDDEN:
                    where = one["nodes"][0]["html"][:120]
                    found[name].forbidden.append(f"{one['id']} {how} {where}")
            watched.said.clear()


def _open(watched: Watched, served: Any, name: str, path: str) -> int:
    """Open a page, wait for its charts, and return its status."""
    if name != "login" and "/login" in watched.page.url:
        watched.page.goto("/login")
        watched.page.get_by_label("Token").fill(served.tokens[Role.TECHNICIAN])
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_url("**/")
    answer = watched.page.goto(path)
    for figure in watched.page.locator("figure.chart[data-kind]").all():
        figure.locator("xpath=self::*[@data-drawn]").wait_for(timeout=PATIENCE_MS)
    return 0 if answer is None else answer.status


def _too_wide(page: Page, look: str) -> list[str]:
    """Return whether the page itself scrolls sideways (WCAG 2.2, 1.4.10); tables may, inside their frame."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{look}: {wide} px"] if wide > 0 else []


def _axe(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), AXE]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def _tell(sheet: Sheet, found: dict[str, Found], shots: Path) -> None:
    looks = len(LOOKS)
    sheet.tell("pages, each in looks", f"{len(found)} × {looks}")
    missing = [f"{name}: {page.statuses}" for name, page in found.items() if page.statuses != _due(name)]
    sheet.none_of("pages that are not there", missing)
    told = [f"{name}: {one}" for name, page in found.items() for one in page.forbidden]
    sheet.none_of("serious or critical violations (axe-core)", told)
    sheet.none_of("complaints in the console", [one for page in found.values() for one in page.said])
    sheet.none_of("requests that leave the host", [one for page in found.values() for one in page.strangers])
    wide = [f"{name} {one}" for name, page in found.items() for one in page.wide]
    sheet.none_of("pages that scroll sideways", wide)
    sheet.tell("screenshots", str(shots))
    sheet.table(
        ("page", "slowest, s", "violations over all looks"),
        [(name, f"{max(one.seconds):.1f}", _counts(one)) for name, one in found.items()],
    )
    sheet.facts["forbidden"] = json.loads(json.dumps({name: page.forbidden for name, page in found.items()}))


def _counts(found: Found) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(found.violations.items())) or "0"


if __name__ == "__main__":
    run(measure)
