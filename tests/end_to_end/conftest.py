"""The start page in a real Chromium, opened by the users of a test."""

from collections.abc import Iterator

import pytest

from lessy.web.libraries import missing_libraries
from tests.support.browser import Browser
from tests.support.required import missing
from tests.support.site import Person, Server
from tests.support.start_page import Opener, StartPage, opener


@pytest.fixture
def with_libraries() -> None:
    if missing_libraries():
        missing("the start page's libraries (make setup)")


@pytest.fixture
def open_as(with_libraries: None, browser: Browser, server: Server) -> Iterator[Opener]:
    """And at the end nothing was wrong on any console."""
    yield opener(browser, server)
    assert browser.errors == []


@pytest.fixture
def here(open_as: Opener, cooper: Person) -> StartPage:
    return open_as(cooper)


@pytest.fixture
def there(open_as: Opener, cooper: Person, other_server: Server) -> StartPage:
    """A second window of the same user, at another server process."""
    return open_as(cooper, at=other_server)
