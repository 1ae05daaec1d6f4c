"""The officer's page in real Chromium: a tour at two widths with pictures, checked by axe-core.

axe-core comes from npm into a temporary folder and is put into the pages by the browser; nothing else is loaded.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from figures import Sheet, progress, run
from station import Station, shipped_sample, wait_until

from instrument.config import BenchConfig, save_device
from service.bench.client import BenchClient
from service.bench.officers import Officers

AXE = "axe-core@4"
BADGE, PIN, OFFICER = "BADGE-0001", "270153", "Anna Jansen"
#: The page of a scan under way reloads each second: it works without scripts and shows what happens now,
#: the exception of WCAG 2.2, 2.2.1 for real-time events. It has one button, STOP, which has the focus.
RELOADS = "meta-refresh"
#: Smallest side of what is pressed or clicked, CSS pixels (WCAG 2.2, 2.5.5: 44).
TARGET_PX = 44

#: Every target that shows, with its label where that is what is pressed.
_TARGETS = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
  .map(one => [one, (one.type === 'radio' || one.type === 'checkbox') ? one.closest('label') || one : one])
  .map(([one, hit]) => [one.outerHTML.slice(0, 90), hit.getBoundingClientRect()])
  .filter(([_, box]) => box.width && box.height)
  .map(([text, box]) => [text, Math.round(Math.min(box.width, box.height))])"""


class Tour:
    """One walk through the pages at one width."""

    def __init__(self, sheet: Sheet, station: Station, page: Any, width: int, axe: str) -> None:
        self.sheet, self.station, self.page, self.width, self._axe = sheet, station, page, width, axe
        self.violations: list[str] = []
        self.small: list[str] = []
        self.wide: list[str] = []
        self.stops = self.reloads = 0

    def look(self, name: str) -> None:
        """Take a picture of the page, and let axe-core judge it."""
        self.stops += 1
        self.page.screenshot(
            path=str(self.sheet.work / f"{self.width}-{self.stops:02d}-{name}.png"), full_page=True
        )
        self.page.evaluate(self._axe)
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        for one in found["violations"]:
            if name.endswith("under-way") and one["id"] == RELOADS:
                self.reloads += 1
            elif one["impact"] in {"serious", "critical"}:
                self.violations.append(f"{self.width} {name}: {one['id']} {one['nodes'][0]['html'][:120]}")
        self.small += [
            f"{self.width} {name}: {size} px {text}"
            for text, size in self.page.evaluate(_TARGETS)
            if size < TARGET_PX
        ]
        if self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            self.wide.append(f"{self.width} {name}")

    def sign_in(self) -> None:
        """Sign in with badge and PIN."""
        self.page.goto("/sign-in")
        self.look("sign-in")
        self.page.locator("#badge").fill(BADGE)
        self.page.locator("#pin").fill(PIN)
        self.page.keyboard.press("Enter")
        self.page.get_by_text(OFFICER).first.wait_for()

    def scan(self, item: str, name: str, *, looks: bool = True) -> None:
        """Scan an item from its barcode to its verdict."""
        self.page.goto("/")
        if looks:
            self.look(f"{name}-form")
        self.page.locator("#item").fill(item)
        self.page.get_by_label("No, neither").check()
        eyewear = self.page.get_by_label("Everybody at this bench")
        if eyewear.count():
            eyewear.check()
        self.page.get_by_role("button", name="Scan", exact=True).click()
        if looks:
            self.page.get_by_role("button", name="STOP").wait_for()
            self.look(f"{name}-under-way")
        self.page.locator(".next").wait_for(timeout=60_000)
        self.look(f"{name}-verdict")

    def finish(self, barcode: str) -> None:
        """Scan a barcode after the scan."""
        self.page.locator("#after").fill(barcode)
        self.page.keyboard.press("Enter")


def measure(sheet: Sheet) -> None:
    """Walk through the pages at both widths."""
    sys.path.insert(0, str(sheet.root))
    from tests.browser import TABLET, WIDE, looking_at, opened

    axe = _axe(sheet.work)
    with _bench(sheet) as (station, address, samples), opened() as browser:
        tours = []
        for size in (WIDE, TABLET):
            options = {"base_url": address, "bypass_csp": True}
            with looking_at(browser, size=size, **options) as watched:
                tour = Tour(sheet, station, watched.page, size[0], axe)
                _walk(tour, samples)
                tours.append(tour)
                sheet.none_of(f"requests that left the host at {size[0]} px", watched.strangers())
                watched.said.clear()  # pages that say no are told by their status
            progress(f"{size[0]} px: {tour.stops} pages")
    for what, found in (
        ("serious or critical violations by axe-core", [one for tour in tours for one in tour.violations]),
        (f"targets smaller than {TARGET_PX} px", [one for tour in tours for one in tour.small]),
        ("pages wider than the screen", [one for tour in tours for one in tour.wide]),
    ):
        sheet.none_of(what, found)
        sheet.facts[what] = found
    reloads = sum(tour.reloads for tour in tours)
    sheet.tell("pages of a scan under way that reload themselves, by decision", str(reloads))
    sheet.tell("pages looked at", str(sum(tour.stops for tour in tours)))


def _walk(tour: Tour, samples: dict[str, Path]) -> None:
    tour.sign_in()
    tour.scan(f"RR90000002{tour.width % 10}GB", "alarm")
    tour.page.goto(tour.page.get_by_role("link", name="Another spot").get_attribute("href"))
    tour.look("spot-2")
    tour.page.get_by_role("button", name="Scan", exact=True).click()
    tour.page.locator(".next").wait_for(timeout=60_000)
    tour.look("spot-2-verdict")
    tour.finish("ANOTHER-1")
    tour.page.locator("#again").wait_for()
    tour.look("another-barcode")
    tour.page.locator("#again").fill(f"RR90000002{tour.width % 10}GB")
    tour.page.keyboard.press("Enter")
    tour.page.get_by_text("The parcel before is finished").wait_for()
    tour.look("finished")
    assert f"RR90000002{tour.width % 10}GB" not in tour.page.content(), "something was carried over"
    tour.scan(f"NEXT-{tour.width}", "next", looks=False)
    tour.page.goto("/blanks")
    tour.look("blanks")
    tour.page.goto("/drops")
    tour.look("exported-scans")
    tour.page.goto("/")
    tour.look("unfinished")


@contextmanager
def _bench(sheet: Sheet) -> Iterator[tuple[Station, str, dict[str, Path]]]:
    """Run an emulated bench with an officer, whose server is away for a while."""
    samples = {"metamizole": shipped_sample(sheet.work, "metamizole")}
    with Station(sheet.work, speed=5.0) as station:
        laser = station.start_laser()
        spectrometer = station.start_spectrometer(samples["metamizole"])
        url = f"obp+serial://{spectrometer.about['address']}?model=STS"
        config = BenchConfig("b1", url, laser=laser, laser_nm=785.0, emulated=True)
        save_device(station.settings.devices_path, config)
        save_device(station.settings.devices_path, replace(config, name="v1", contact="vial"))
        Officers(station.settings.officers_path).add(OFFICER, BADGE, PIN)
        # Nobody listens there: results wait, and the page says so.
        station.env["OPIOSCAN_SERVER"] = "http://127.0.0.1:9"
        station.start_agent()
        with BenchClient.connect(station.settings, start=False) as client:
            wait_until(lambda: bool(client.status()["ready"]), 60.0, "the agent became ready")
            yield station, client.address, samples


def _axe(work: Path) -> str:
    """Return the text of axe-core, fetched by npm."""
    folder = work / "npm"
    folder.mkdir()
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", AXE]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180, env=os.environ)
    version = json.loads((folder / "node_modules/axe-core/package.json").read_text())["version"]
    progress(f"axe-core {version}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


if __name__ == "__main__":
    run(measure)
