"""The faults that the start page offers in DEBUG, against a server as `make run` starts it."""

import pytest
from playwright.sync_api import expect

from tests.support.axe import assert_accessible
from tests.support.site import new_site
from tests.support.start_page import open_page

RUNSERVER = ["runserver", "--noreload", "127.0.0.1:{port}"]


@pytest.fixture
def there(redis_server, with_libraries, browser):
    """there(redis): its start page, with a reconcile every 3 seconds."""
    sites = []

    def opened(redis):
        site = new_site(redis, servers=0, DJANGO_DEBUG="on", CABLE_RECONCILE_INTERVAL="3")
        sites.append(site)
        found = site.__enter__()
        server = found.serve(RUNSERVER)
        return open_page(browser.new_page(reduced_motion="reduce"), server, found.new_person())

    yield opened
    for site in sites:
        site.__exit__(None, None, None)


def test_n3_what_no_notification_announces_arrives_with_redis(there, redis_server, browser):
    page = there(redis_server)
    for button, label in (
        ("Insert", "Written by SQL"),
        ("Cut", "Written while Redis was cut off"),
        ("Restart", "Written as the server stopped"),
    ):
        section = page.page.locator("#what-if")
        section.get_by_role("button", name=button).click()
        expect(page.task(label)).to_be_visible(timeout=30_000)
        expect(section.locator(".outcome")).to_contain_text(f"“{label}")
        expect(section.locator(".outcome")).to_contain_text("arrived", timeout=30_000)
        expect(page.state).to_have_text("Open", timeout=30_000)
    assert_accessible(page.page, "what if")
    browser.errors.clear()  # Chromium notes the connections that ended


def test_n3_without_redis_it_says_how_to_start_with_one(there):
    page = there(None)
    section = page.page.locator("#what-if")
    expect(section.get_by_role("button", name="Cut")).to_be_disabled()
    expect(section).to_contain_text("REDIS_URL=redis://127.0.0.1:6379 make run")
    section.get_by_role("button", name="Insert").click()
    expect(page.task("Written by SQL")).to_be_visible(timeout=30_000)


def test_n3_faults_are_offered_in_debug_only(server, cooper):
    for path in ("/what-if", "/what-if/restart"):
        for method in ("GET", "POST"):
            assert server.request(method, path, cooper).status_code == 404
    assert "what-if" not in server.request("GET", "/").text


def test_n3_a_fault_needs_a_token_and_a_name(there):
    page = there(None)
    url = page.page.url
    request = page.page.request
    assert request.post(f"{url}what-if/sql", data={"label": "x"}).status == 401
    token = {"Authorization": page.page.evaluate("localStorage.getItem('authentication_token')")}
    assert request.post(f"{url}what-if/earthquake", data={"label": "x"}, headers=token).status == 404
    answer = request.post(f"{url}what-if/sql", data={}, headers=token)
    assert answer.status == 422
    assert answer.json()["errors"][0]["code"] == "parameter_missing"
    assert request.post(f"{url}what-if/sql", data={"label": "x" * 5000}, headers=token).status == 422
