"""The pages in a real browser: keyboard and barcode scanner, nothing from elsewhere, no complaint in the console."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from service.api.permissions import Role
from tests.browser import TABLET, Watched, chromium, looking_at, needs_chromium

__all__ = ["chromium"]
pytestmark = needs_chromium


@pytest.fixture
def seen(chromium: Browser, server: Any) -> Iterator[Watched]:
    with looking_at(chromium, base_url=server.url) as watched:
        sign_in(watched, server.tokens[Role.TECHNICIAN])
        yield watched


def sign_in(watched: Watched, token: str) -> None:
    """Sign in as somebody without a mouse does: the field has the focus."""
    watched.page.goto("/login")
    expect(watched.page.get_by_label("Token")).to_be_focused()
    watched.page.keyboard.insert_text(token)
    watched.page.keyboard.press("Enter")
    watched.page.wait_for_url("**/")


def test_a_scanned_barcode_leads_to_the_curves_and_a_review(
    seen: Watched, server: Any, bench: Any, item: str
) -> None:
    screening_id = bench.open(item)
    result_id = bench.result(screening_id, "alarm_named")
    bench.complete(screening_id)
    page = seen.page
    page.reload()
    expect(page.get_by_label("Item identifier")).to_be_focused()
    page.keyboard.type(item.lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Parcel {item}")
    expect(page.get_by_label("Verdict")).to_contain_text("ALARM: Metamizole")
    expect(page.get_by_text("TRAINING: harmless watch list")).to_be_visible()
    page.get_by_role("link", name="spot 1, attempt 1").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/results/{result_id}")
    # The bench of this test sends no method: the scan alone can be drawn, and the page says so.
    expect(page.locator("#overlay")).to_have_attribute("data-drawn", "yes", timeout=30_000)
    expect(page.locator("#overlay .status")).to_contain_text("method")
    names = ["scan", "bands of the watch list"]
    scan = page.get_by_role("button", name="scan", exact=True)
    assert page.evaluate("document.querySelector('#overlay .plot').data.map(one => one.name)") == names
    scan.focus()
    page.keyboard.press("Space")
    expect(scan).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("document.querySelector('#overlay .plot')._fullData[0].visible") is False
    page.get_by_text("Ask a technician").focus()
    page.keyboard.press("Enter")
    page.get_by_label("What is to be looked at").fill("Two substances?")
    page.get_by_role("button", name="Ask for a review").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/results/{result_id}#reviews")
    expect(page.get_by_text("somebody asked")).to_be_visible()
    assert {"result.js", "plotly.min.js"} <= {one.split("/")[-1].split("?")[0] for one in seen.asked}


def test_the_first_tab_skips_to_the_content_and_targets_are_large(
    seen: Watched, bench: Any, item: str
) -> None:
    bench.open(item)
    seen.page.goto("/fleet")
    seen.page.keyboard.press("Tab")
    expect(seen.page.get_by_text("Skip to the content")).to_be_focused()
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"
    seen.page.goto("/")
    small = seen.page.evaluate(
        """[...document.querySelectorAll('button, input, select, .bar a, td > a:only-child, th > a:only-child')]
        .filter(one => one.checkVisibility())
        .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
        .filter(([, box]) => box.height < 44 || box.width < 44).map(([html]) => html)"""
    )
    assert small == []


def test_pages_say_the_same_without_scripts(chromium: Browser, server: Any, bench: Any, item: str) -> None:
    made = bench.result(bench.open(item), "alarm_named")
    with looking_at(chromium, size=TABLET, base_url=server.url, java_script_enabled=False) as watched:
        sign_in(watched, server.tokens[Role.OFFICER])
        watched.page.goto(f"/results/{made}")
        for words in ("ALARM: Metamizole", "Hold the parcel", "fentanyl", "745, 834, 1609", "b" * 64):
            assert words in watched.page.locator("main").text_content(), words
        expect(watched.page.locator("#overlay")).to_contain_text("needs scripts")
