"""Real Chromium for tests of pages: found, started once for a module, and watched.

A module of tests imports the fixture, ``from tests.browser import chromium, looking_at, needs_chromium``, says
``pytestmark = needs_chromium`` and opens pages with `looking_at`, which fails on a complaint in the console and
on any request that leaves the host. Bars call `opened` themselves.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

#: Nothing of the browser's own may go out, and nothing may ask for a display.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PLACE = "OPIOSCAN_CHROMIUM"
WIDE, TABLET = (1280, 800), (800, 1100)


def chromium_path() -> str | None:
    """Return where Chromium is: as the environment says, or on the path; None for nowhere."""
    if given := os.environ.get(PLACE):
        return given if Path(given).exists() else None
    return shutil.which("chromium") or shutil.which("chromium-browser")


needs_chromium = pytest.mark.skipif(
    chromium_path() is None, reason=f"no Chromium: neither {PLACE} nor chromium on the path"
)


@contextmanager
def opened() -> Iterator[Browser]:
    """Run a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(ARGUMENTS), headless=True
        )
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    with opened() as browser:
        yield browser


@dataclass
class Watched:
    """A page, and what it did."""

    page: Page
    context: BrowserContext
    asked: list[str] = field(default_factory=list)
    """Every address it asked for."""
    said: list[str] = field(default_factory=list)
    """Errors and warnings in the console, and exceptions."""

    def strangers(self) -> list[str]:
        """Return the addresses that are not of this host."""
        return [one for one in self.asked if not _is_here(one)]

    def check(self) -> None:
        """Fail where the console has a complaint or a request left the host."""
        assert not self.said, self.said
        assert not self.strangers(), self.strangers()


@contextmanager
def looking_at(
    browser: Browser, *, size: tuple[int, int] = WIDE, dark: bool = False, **options: Any
) -> Iterator[Watched]:
    """Open a page with cookies of its own, and check at the end what it did.

    Parameters
    ----------
    browser
        A running browser.
    size
        Width and height, CSS pixels.
    dark
        Whether the person likes dark pages.
    options
        Of Playwright's ``new_context``, such as ``bypass_csp``, ``base_url``, ``java_script_enabled``.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    watched = Watched(page, context)

    def passing(route: Route) -> None:
        watched.asked.append(route.request.url)
        # What would leave the host is refused, so that a test that fails has still told nobody anything.
        if _is_here(route.request.url):
            route.continue_()
        else:
            route.abort()

    context.route("**/*", passing)
    page.on("console", lambda one: _note(watched, one.type, one.text))
    page.on("pageerror", lambda error: watched.said.append(str(error)))
    try:
        yield watched
        watched.check()
    finally:
        context.close()


def _is_here(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in {"data", "blob"} or parts.hostname in {"127.0.0.1", "localhost", "::1"}


def _note(watched: Watched, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        watched.said.append(f"{kind}: {text}")
