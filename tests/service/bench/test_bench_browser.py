"""The officer's page in a real browser: sign in, barcode to verdict, the next parcel, the network cut."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from service.bench.officers import Officers
from tests.browser import TABLET, chromium, looking_at, needs_chromium
from tests.service.bench.conftest import Server, Station, wait_until

__all__ = ["chromium"]

pytestmark = needs_chromium

BADGES = {"Anna Jansen": "BADGE-0001", "Bo Lund": "BADGE-0002"}
PIN = "270153"


@pytest.fixture(scope="module")
def staffed(manned: Station, server: Server) -> Iterator[Station]:
    """The station with two officers, a server, and an agent that is warm."""
    officers = Officers(manned.settings.officers_path)
    for name, badge in BADGES.items():
        officers.add(name, badge, PIN)
    server.start()
    with manned.connect() as client:
        wait_until(lambda: client.status()["ready"])
        # Results of other files' tests are not counted here.
        wait_until(lambda: not client.status()["outbox"]["pending"])
    yield manned
    for name in BADGES:
        officers.remove(name)


@pytest.fixture(scope="module")
def page(staffed: Station, chromium: Browser) -> Iterator[Page]:
    with staffed.connect() as client:
        address = client.address
    with looking_at(chromium, size=TABLET, base_url=address, java_script_enabled=False) as watched:
        yield watched.page
        # Chromium complains of every page that says no.
        watched.said[:] = [one for one in watched.said if not re.search("status of 40[39]", one)]


def sign_in(page: Page, name: str) -> None:
    """As with a scanner: what it reads ends with Enter."""
    page.goto("/sign-in")
    expect(page.locator("#badge")).to_be_focused()
    page.keyboard.type(BADGES[name])
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Officer {name}")).to_be_visible()


def scan(page: Page, item: str, *, eyewear: bool = False) -> None:
    """Fill in the form of a parcel, from the barcode on, and wait for the verdict."""
    page.goto("/")
    expect(page.locator("#item")).to_be_focused()
    assert page.locator("#item").input_value() == ""
    assert page.locator("input:checked").count() == 0
    page.keyboard.type(item)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/$")), "nothing fires before the questions are answered"
    page.get_by_label("No, neither").check()
    expect(page.get_by_label("Everybody at this bench")).to_have_count(int(eyewear))
    if eyewear:
        page.get_by_label("Everybody at this bench").check()
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(page.get_by_text("Next step")).to_be_visible(timeout=20_000)


def finish(page: Page, barcode: str) -> None:
    page.locator("#after").fill(barcode)
    page.keyboard.press("Enter")


def _a_badge_and_a_pin_let_an_officer_in(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in$"))
    expect(page.locator("#badge")).to_be_focused()
    page.keyboard.type(BADGES["Anna Jansen"])
    page.locator("#pin").fill("111112")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="do not belong together")).to_be_visible()
    assert page.locator("#badge").input_value() == ""
    time.sleep(1.1)  # the pause after a wrong try
    sign_in(page, "Anna Jansen")


def _two_parcels_in_a_row(page: Page, staffed: Station, server: Server) -> None:
    staffed.rig.put("metamizole")
    scan(page, "rr900000023gb", eyewear=True)
    expect(page.locator(".word")).to_have_text("TRAINING ALARM")
    expect(page.get_by_text("EMULATED: no real sample")).to_be_visible()
    expect(page.get_by_text("by the officer, until a supervisor takes over")).to_be_visible()
    finish(page, "OTHER-1")
    expect(page.locator(".word")).to_have_text("ANOTHER BARCODE")
    expect(page.locator("#again")).to_be_focused()
    page.keyboard.type("RR900000023GB")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The parcel before is finished")).to_be_visible()
    assert "RR900000023GB" not in page.content()
    staffed.rig.put("ibuprofen")
    scan(page, "SECOND-1")
    assert "RR900000023GB" not in page.content()
    assert "Metamizole" not in page.content()
    finish(page, "SECOND-1")
    expect(page.get_by_text("The parcel before is finished")).to_be_visible()
    results = [
        one for one in server.get("/results", limit="200")["items"] if one["operator"] == "Anna Jansen"
    ]
    assert len(results) == 2, "each record names the officer"


def _the_network_is_cut_and_the_next_officer_takes_over(page: Page, staffed: Station, server: Server) -> None:
    server.stop()
    scan(page, "CUT-1")
    finish(page, "CUT-1")
    expect(page.locator(".queue")).to_contain_text("1 result waits for the server")
    sign_in(page, "Bo Lund")
    staffed.rig.put("metamizole")
    scan(page, "CUT-2", eyewear=True)
    expect(page.locator(".queue")).to_contain_text("2 results wait for the server")
    expect(page.locator(".queue")).to_contain_text("out of reach")
    server.start()
    finish(page, "CUT-2")
    with staffed.connect() as client:
        wait_until(lambda: not client.status()["outbox"]["pending"], 20)
    page.goto("/")
    expect(page.locator(".queue")).not_to_contain_text("wait")
    got = server.get("/results", limit="200")["items"][-2:]
    assert [one["operator"] for one in got] == ["Anna Jansen", "Bo Lund"], "in the order of the scans"
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in$"))


@pytest.mark.long
def test_a_shift_at_the_bench(page: Page, staffed: Station, server: Server) -> None:
    # One test, because each part goes on where the one before ended, and workers take tests from each other.
    _a_badge_and_a_pin_let_an_officer_in(page)
    _two_parcels_in_a_row(page, staffed, server)
    _the_network_is_cut_and_the_next_officer_takes_over(page, staffed, server)
