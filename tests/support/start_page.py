"""The start page in a real Chromium, with the actions of its users."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Browser
from tests.support.site import Person, Server

expect.set_options(timeout=10_000)


class StartPage:
    """One window. page: Playwright's."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tasks = page.locator("#tasks-open > li")
        self.projects = page.locator("#projects li.row")
        self.frames = page.locator("#frames > ol > li")
        self.state = page.locator("#cable .connection")

    def task(self, label: str) -> Locator:
        return self.tasks.filter(has_text=label)

    def project(self, name: str) -> Locator:
        return self.projects.filter(has_text=name)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def try_now(self) -> None:
        """Presses the retry button, unless the page has reconnected by itself meanwhile."""
        self.page.evaluate(
            "() => { const b = document.querySelector('#cable-retry'); b.hidden || b.click() }"
        )

    def choose(self, row: Locator, item: str) -> None:
        """Chooses an item of the row's menu."""
        row.locator("summary").click()
        row.locator(".items").get_by_text(item, exact=True).click()

    def rename(self, row: Locator, name: str) -> None:
        self.choose(row, "Rename")
        self.page.get_by_label("New name", exact=True).fill(name)
        self.page.keyboard.press("Enter")

    def add_task(self, label: str, project: str | None = None) -> None:
        self.page.get_by_label("New task", exact=True).fill(label)
        if project:
            self.page.get_by_label("Project of the new task", exact=True).select_option(label=project)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_label("New task", exact=True)).to_have_value("")

    def add_project(self, name: str) -> None:
        self.page.get_by_label("New project", exact=True).fill(name)
        self.page.keyboard.press("Enter")

    def speak(self, protocol: str) -> None:
        """Switches the cable to "Base" or "Extended"."""
        self.page.get_by_role("radio", name=protocol).check()
        self.frames.filter(has_text="connecting to").first.wait_for()
        expect(self.state).to_have_text("Open")

    def expect_labels(self, *labels: str) -> None:
        """Expects exactly these open tasks, in this order."""
        expect(self.tasks.locator(".label")).to_have_text(list(labels))

    def expect_login(self) -> None:
        expect(self.page.get_by_role("heading", name="Everything moves together")).to_be_visible()


def open_page(page: Page, server: Server, person: Person, *, live: bool = True) -> StartPage:
    """Opens the page, logged in. live: wait until its cable is open."""
    page.add_init_script(
        f"""if (!sessionStorage.getItem("begun")) {{
            sessionStorage.setItem("begun", "yes")
            localStorage.setItem("authentication_token", "{person.token}")
        }}"""
    )
    page.goto(server.url)
    found = StartPage(page)
    if live:
        expect(found.state).to_have_text("Open")
    return found


Opener = Callable[..., StartPage]


def opener(browser: Browser, server: Server) -> Opener:
    """Returns open_as(person, at=another_server, **options of new_page): each page has a new profile."""

    def open_as(person: Person, *, at: Server = server, live: bool = True, **options: Any) -> StartPage:
        return open_page(browser.new_page(**options), at, person, live=live)

    return open_as
