"""The pages of the admin in a real Chromium: they fit, stay up to date, and can be used by everybody."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.support.axe import assert_accessible

CABLE = "/admin/sync_cable/cable/"


@pytest.fixture
def admin(browser, site, server):
    """admin(path): that page of this server, opened by a superuser."""
    person = site.new_person(password="secret", is_staff=True, is_superuser=True)
    page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.goto(f"{server.url}/admin/login/")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    expect(
        page.get_by_role("link", name="Log out").or_(page.get_by_role("button", name="Log out"))
    ).to_be_visible()

    def opened(path: str) -> Page:
        page.goto(f"{server.url}{path}")
        return page

    yield opened
    assert browser.errors == []


def row_of(page: Page, table: str, text: str):
    return page.locator(f"#{table} tbody tr").filter(has_text=text)


def test_n4_the_page_fits_and_says_what_its_columns_mean(admin, server, cooper):
    with server.connect(cooper) as socket:
        socket.subscribe()
        page = admin(CABLE)
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        for table in page.locator(".cable table").all():
            assert table.evaluate("each => each.getBoundingClientRect().right") <= 1280
        page.get_by_text("What the columns mean").click()
        columns = page.locator("#processes thead th").all_text_contents()
        assert page.locator(".cable dt").all_text_contents() == columns


def test_n4_the_page_stays_up_to_date_by_itself(admin, server, cooper):
    page = admin(CABLE)
    expect(row_of(page, "connections", cooper.username)).to_have_count(0)
    with server.connect(cooper) as socket:
        socket.subscribe()
        expect(row_of(page, "connections", cooper.username)).to_have_count(1, timeout=30_000)
        expect(page.locator("#live-state")).to_contain_text("Live: read at")
    expect(row_of(page, "connections", cooper.username)).to_have_count(0, timeout=30_000)


def test_n4_the_cable_itself_refreshes_it(admin, server, site, cooper):
    """The browser has Cooper's token, and so hears of their changes."""
    page = admin("/admin/")
    page.context.add_cookies([{"name": "Authorization", "value": cooper.token, "url": server.url}])
    # Without its clock: only what the cable brings has it read again.
    page.add_init_script("window.setInterval = () => 0")
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(str(text))))
    admin(CABLE)
    deadline = time.monotonic() + 10
    while not any("confirm_subscription" in frame for frame in frames):
        assert time.monotonic() < deadline, frames
        page.wait_for_timeout(20)
    with page.expect_response(lambda answer: answer.url.endswith(CABLE)):
        site.new_task(cooper)


def test_n4_each_connection_can_be_disconnected(admin, server, other_server, cooper):
    with server.connect(cooper) as one, other_server.connect(cooper) as two:
        one.subscribe()
        two.subscribe()
        page = admin(CABLE)
        rows = row_of(page, "connections", cooper.username)
        expect(rows).to_have_count(2)
        rows.first.get_by_role("button", name=re.compile("Disconnect")).click()
        expect(page.locator(".messagelist")).to_contain_text("Disconnected")
        expect(row_of(page, "connections", cooper.username)).to_have_count(1)


def test_n4_the_last_hour_is_drawn(admin, server, site, cooper):
    with server.connect(cooper) as socket:
        socket.subscribe()
        site.new_task(cooper)
        socket.message()
        page = admin(CABLE)
    for name in ("Deliveries per minute", "Commit to socket, p99"):
        chart = page.get_by_role("img", name=name)
        expect(chart).to_be_visible()
        assert chart.locator("rect").count() >= 1


@pytest.mark.parametrize(
    "path",
    [
        *("/admin/", CABLE, "/admin/accounts/user/", "/admin/accounts/accesstoken/", "/admin/tasks/task/"),
        *("/admin/projects/project/", "/admin/waffle/flag/", "/admin/accounts/user/add/"),
    ],
)
def test_n4_axe_the_admin(admin, site, server, cooper, path):
    site.new_task(cooper)
    with server.connect(cooper) as socket:
        socket.subscribe()
        assert_accessible(admin(path), path)


def test_n4_axe_the_login_of_the_admin(browser, server):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{server.url}/admin/login/")
    assert_accessible(page, "login")
