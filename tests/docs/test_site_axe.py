"""The site that `make docs` builds, in a browser: axe-core finds nothing wrong with any page."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.axe import assert_accessible, violations

# One long page of tables and one of code, whose states stand for those of all.
TABLES, CODE = "operations/", "plugging-in/"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def url(site_folder):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site_folder)) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        serving.join()


def paths(folder):
    """All; but of the decisions, which are alike, every tenth stands for the others: each costs a second."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    decisions = [path for path in found if path.startswith("decisions/")]
    return [path for path in found if path not in decisions or path in decisions[::10]]


def test_every_page(site_folder, url, browser):
    page = browser.new_page()
    wrong = {}
    for path in paths(site_folder):
        page.goto(url + path)
        wrong |= {f"{path}, {scheme}": found for scheme, found in violations(page).items() if found}
    assert len(paths(site_folder)) > 40
    assert wrong == {}
    assert browser.errors == []


@pytest.mark.parametrize("path", [TABLES, CODE])
def test_on_a_telephone(url, browser, path):
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(url + path)
    assert_accessible(page, path)
    page.locator("label.md-header__button[for=__drawer]").click()
    assert_accessible(page, f"{path}, its navigation open")


def test_what_a_search_finds(url, browser):
    page = browser.new_page()
    page.goto(url)
    page.get_by_role("textbox", name="Search").click()
    page.keyboard.type("reconcile")
    page.locator(".md-search-result__item").first.wait_for()
    assert_accessible(page, "what a search found")
