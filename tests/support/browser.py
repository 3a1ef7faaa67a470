"""
A real Chromium, installed on the system, for one test.

While the browser is open, Playwright's event loop counts as running in the test's thread, and Django refuses
the ORM there. So each browser is closed with its test, and a test with a browser uses the ORM in another
process (site.shell).
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from tests.support.required import missing

NAMES = ("chromium", "chromium-browser", "google-chrome")

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Browser:
    """errors: the error messages of its pages' consoles, and their uncaught exceptions."""

    def __init__(self, chromium: PlaywrightBrowser) -> None:
        self._chromium = chromium
        self.errors: list[str] = []

    def new_page(self, **options: Any) -> Page:
        """In a new profile: no cookies, no storage. options: of Playwright's new_context."""
        return self._watched(self._chromium.new_context(**options).new_page())

    def new_page_of(self, origin: str, html: str = "") -> Page:
        """
        A page of another origin, https://…, which Playwright serves instead of a server. The caller must
        navigate to it. The page may connect to this machine, for which Chromium would ask the user.
        """
        page = self.new_page(permissions=["local-network-access"])
        page.route(f"{origin}/", lambda route: route.fulfill(body=html, content_type="text/html"))
        return page

    def new_window(self, page: Page) -> Page:
        """Another page in the same profile."""
        return self._watched(page.context.new_page())

    def wait_for_error(self, page: Page, part: str, seconds: float = 10) -> None:
        """Waits for an error that contains `part`. page: any page; its event loop must run to receive one."""
        deadline = time.monotonic() + seconds
        while not any(part in error for error in self.errors):
            assert time.monotonic() < deadline, f"no error with {part!r}: {self.errors}"
            page.wait_for_timeout(20)

    def _watched(self, page: Page) -> Page:
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        # Chromium requests the favicon by itself, for every page.
        asked_by_itself = message.location["url"].endswith("/favicon.ico")
        if message.type == "error" and not asked_by_itself:
            self.errors.append(message.text)


@contextmanager
def new_browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None) or missing("Chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield Browser(chromium)
        chromium.close()
