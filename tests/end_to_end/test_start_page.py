"""The start page in a real Chromium, on servers as production runs them: daphne, Redis, DEBUG off."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lessy.web import libraries
from lessy.web.views import start_page
from tests.support.site import Person, Site, new_site
from tests.support.start_page import StartPage, open_page, opener

PROTOCOLS = ["Extended", "Base", "Automatic"]


# Two windows


def test_tasks_move_together_in_two_windows(here, there):
    here.add_task("buy tea")
    expect(there.task("buy tea")).to_contain_text("started")
    there.rename(there.task("buy tea"), "buy coffee")
    expect(here.tasks.locator(".label")).to_have_text("buy coffee")
    here.press("Plan buy coffee")
    expect(there.task("buy coffee")).to_contain_text("planned")
    there.press("Finish buy coffee")
    expect(here.page.get_by_text("Finished (1)")).to_be_visible()


def test_projects_move_together_in_two_windows(here, there, browser):
    here.add_project("learn to fish")
    there.add_task("buy a rod", project="learn to fish")
    expect(here.task("buy a rod")).to_contain_text("new")

    here.press("Start… learn to fish")
    here.page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(there.project("learn to fish")).to_contain_text("due")
    expect(there.task("buy a rod")).to_contain_text("started")

    there.choose(there.project("learn to fish"), "Pause")
    expect(here.project("learn to fish")).to_contain_text("paused")

    here.rename(here.project("learn to fish"), "learn to cook")
    there.choose(there.project("learn to cook"), "Delete…")
    there.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(here.projects).to_have_count(0)
    browser.errors.clear()  # Chromium notes the 404 of the project that its task has left


def test_what_changes_lights_its_latency_and_its_frame(here, site, cooper):
    site.new_task(cooper, "ring Diane")
    expect(here.task("ring Diane")).to_be_visible()
    expect(here.page.locator("[data-latency=last]")).to_have_text(re.compile(r"[\d.]+ ms"))
    frame = here.frames.filter(has_text="create#tasks").first
    frame.locator("summary").click()
    expect(frame.locator("pre")).to_contain_text('"action": "create#tasks"')


# Away and back


def test_what_changed_while_it_was_offline_comes_when_it_is_back(here, site, cooper):
    for number, protocol in enumerate(PROTOCOLS, 1):
        here.speak(protocol)
        here.press("Go offline")
        expect(here.state).to_have_text("Offline (paused)")
        site.new_task(cooper, "ring Diane")
        site.new_task(cooper, "feed the owls")
        here.expect_labels(*["ring Diane", "feed the owls"] * (number - 1))
        here.press("Go online")
        here.expect_labels(*["ring Diane", "feed the owls"] * number)
        expect(here.page.get_by_text("Resumed: 2 missed changes came in.")).to_be_visible()
        here.page.locator("#notes button").click()


def test_a_cut_connection_resumes_by_itself(here, site, cooper):
    for number, protocol in enumerate(["Extended", "Base"], 1):
        here.speak(protocol)
        here.press("Cut")
        expect(here.state).to_contain_text("Waiting, tries again in")
        site.new_task(cooper, "ring Diane")
        here.try_now()
        expect(here.state).to_have_text("Open")
        here.expect_labels(*["ring Diane"] * number)


def test_our_own_client_is_back_before_one_could_press_anything(here, site, cooper):
    here.speak("Automatic")
    cut = here.frames.filter(has_text="closed:")
    before = cut.count()
    here.press("Cut")
    expect(cut).to_have_count(before + 1)  # for less than a second it says that it waits
    site.new_task(cooper, "ring Diane")
    here.expect_labels("ring Diane")
    expect(here.state).to_have_text("Open")


def test_a_window_outlives_its_server(with_libraries, browser, site, cooper):
    server = site.serve()
    page = opener(browser, server)(cooper)
    server.stop()
    expect(page.state).to_contain_text("Waiting")
    site.new_task(cooper, "ring Diane")
    server.start()
    page.try_now()
    page.expect_labels("ring Diane")


# The end of a session


def test_a_revoked_token_signs_every_window_out(here, there, browser, site, cooper):
    site.shell(f"AccessToken.objects.filter(user_id={cooper.pk}).revoke()")
    for window in (here, there):
        window.expect_login()
        expect(window.page.get_by_text("Your session has ended.")).to_be_visible()
    browser.errors.clear()  # Chromium notes the 401 with which the API confirms it


def test_a_token_revoked_while_it_was_offline_signs_out_at_the_next_change(here, browser, site, cooper):
    here.press("Go offline")
    site.shell(f"AccessToken.objects.filter(user_id={cooper.pk}).revoke()")
    here.page.get_by_label("New task", exact=True).fill("buy tea")
    here.page.keyboard.press("Enter")
    here.expect_login()
    browser.errors.clear()  # Chromium notes the 401 there


def test_signing_out_ends_the_token(here, server, cooper):
    here.press("Sign out")
    here.expect_login()
    assert server.request("GET", "/api/users/me", cooper).status_code == 401
    assert here.page.context.cookies() == []


def test_a_wrong_password_is_said_kindly(open_as, browser, server, site):
    person = site.new_person(password="fish in the percolator")
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_label("User name", exact=True).fill(person.username)
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Wrong user name or password.")).to_be_visible()
    browser.errors.clear()  # Chromium notes the 401 there
    page.get_by_label("Password", exact=True).fill("fish in the percolator")
    page.get_by_role("button", name="Log in").click()
    expect(StartPage(page).state).to_have_text("Open")


# Reordering


@pytest.fixture
def three_tasks(site: Site, cooper: Person) -> None:
    for label in ("one", "two", "three"):
        site.new_task(cooper, label)


def test_tasks_are_reordered_by_the_keyboard(three_tasks, here):
    here.page.get_by_role("button", name="Move one").focus()
    here.page.keyboard.press("ArrowDown")
    here.page.keyboard.press("ArrowDown")
    here.expect_labels("two", "three", "one")
    expect(here.page.get_by_role("button", name="Move one")).to_be_focused()
    expect(here.page.locator("#announcer")).to_have_text("one: 3 of 3")


def move_down(window: StartPage, label: str) -> None:
    window.page.get_by_role("button", name=f"Move {label}").press("ArrowDown")


def test_another_window_of_the_browser_sees_a_new_order_at_once(three_tasks, browser, server, cooper, here):
    other = open_page(browser.new_window(here.page), server, cooper)
    move_down(here, "one")
    other.expect_labels("two", "one", "three")
    move_down(other, "two")
    here.expect_labels("one", "two", "three")


def test_another_window_of_the_browser_sees_at_once_that_an_empty_project_is_gone(
    browser, server, cooper, here
):
    here.add_project("Garden")
    other = open_page(browser.new_window(here.page), server, cooper)
    expect(other.project("Garden")).to_be_visible()
    here.choose(here.project("Garden"), "Delete…")
    here.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(here.project("Garden")).to_have_count(0)
    expect(other.project("Garden")).to_have_count(0)


def test_a_window_elsewhere_sees_a_new_order_when_one_returns_to_it(three_tasks, here, there):
    move_down(here, "one")
    here.expect_labels("two", "one", "three")
    there.expect_labels("one", "two", "three")
    there.page.evaluate("dispatchEvent(new Event('focus'))")  # headless windows never lose it
    there.expect_labels("two", "one", "three")


def test_tasks_are_reordered_by_dragging(three_tasks, here):
    here.task("three").locator(".handle").hover()
    here.page.mouse.down()
    here.task("one").hover(position={"x": 40, "y": 4})
    here.task("one").hover(position={"x": 40, "y": 2})
    here.page.mouse.up()
    here.expect_labels("three", "one", "two")
    expect(here.page.locator("#announcer")).to_have_text("three: 1 of 3")  # the answer is there
    here.page.reload()
    here.expect_labels("three", "one", "two")


# The panel


def test_frames_are_filtered_paused_and_copied(here):
    here.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    here.page.get_by_label("Changes").uncheck()
    here.add_task("buy tea")
    expect(here.page.locator("[data-kind=change] .count")).to_have_text("1")
    expect(here.frames.filter(has_text="create#tasks")).to_have_count(0)
    here.page.get_by_label("Changes").check()
    expect(here.frames.filter(has_text="create#tasks")).to_have_count(1)
    here.press("Pause")
    here.add_task("buy coffee")
    # A ping may come as well.
    expect(here.page.get_by_role("button", name=re.compile(r"Go on \(\d new\)"))).to_be_visible()
    expect(here.frames.filter(has_text="create#tasks")).to_have_count(1)
    here.press("Copy all")
    expect(here.page.get_by_text("Copied.")).to_be_visible()
    assert '"action": "create#tasks"' in here.page.evaluate("navigator.clipboard.readText()")


def test_the_log_of_frames_is_bounded(browser, server):
    page = browser.new_page()
    page.goto(server.url)
    kept = page.evaluate(
        """async () => {
            const { FrameLog, LIMIT } = await import("/static/web/cable/frames.js")
            const log = new FrameLog()
            for (let n = 0; n < 2 * LIMIT; n++) {
                log.add({ direction: "in", text: `{"type":"ping","message":${n}}` })
            }
            return [log.frames.length, log.frames.at(-1).summary, log.counts.ping]
        }"""
    )
    assert kept == [300, "599", 600]


# Everybody can use it


def test_nothing_is_wider_than_a_phone(open_as, site, cooper):
    site.new_task(cooper, "a_label_without_any_space_" * 6)
    here = open_as(cooper, viewport={"width": 360, "height": 640})
    here.add_project("a_name_without_any_space_" * 3)
    expect(here.projects).to_have_count(1)
    assert here.page.evaluate("document.documentElement.scrollWidth") == 360
    edges = here.page.evaluate(
        "[...document.querySelectorAll('main section, .row')].map(each => each.getBoundingClientRect().right)"
    )
    assert max(edges) <= 360 - 14


def test_the_colours_can_be_chosen_and_stay(browser, server):
    page = browser.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Colours: auto").click()
    page.get_by_role("button", name="Colours: light").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


# Without its libraries, and in development


def test_without_its_libraries_the_page_is_live_by_its_own_client(browser, server, cooper, monkeypatch, rf):
    """What a server without node_modules sends, sent here in the place of this server's."""
    monkeypatch.setattr(libraries, "FOLDER", Path("/nowhere"))
    html = start_page(rf.get("/")).content.decode()
    # A page that the test sends may speak to this machine only so.
    page = browser.new_page(permissions=["local-network-access"])
    page.route(f"{server.url}/", lambda route: route.fulfill(body=html, content_type="text/html"))
    here = open_page(page, server, cooper)
    expect(page.get_by_text("npm has not installed @rails/actioncable")).to_be_visible()
    expect(page.locator("#missing")).to_contain_text("make setup")
    expect(page.get_by_role("radio", name="Automatic")).to_be_checked()
    expect(page.get_by_role("radio", name="Base")).to_be_disabled()
    here.add_task("buy tea")
    here.expect_labels("buy tea")
    assert browser.errors == []


def test_a_library_that_does_not_load_is_named(with_libraries, browser, server, cooper):
    page = browser.new_page()
    page.route("**/web/libraries/**", lambda route: route.abort())
    here = open_page(page, server, cooper, live=False)
    expect(here.state).to_have_text("Library not loaded")
    here.add_task("buy tea")
    here.expect_labels("buy tea")


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Where they go: thrown away, unless LESSY_PICTURES names docs/images."""
    return Path(os.environ.get("LESSY_PICTURES", tmp_path)).resolve()


def test_the_demo_login_takes_one_click_in_development(with_libraries, browser, pictures):
    """And what one sees then is what the README shows."""
    with new_site(None, servers=0) as site:
        site.manage("seed")
        server = site.serve(["runserver", "--noreload", "127.0.0.1:{port}"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(server.url)
        page.get_by_role("button", name="Log in as dalecooper").click()
        here = StartPage(page)
        expect(here.state).to_have_text("Open")
        for label in ("Plan", "Finish"):
            here.press(f"{label} Decode the dream")
        expect(page.get_by_text("Finished (3)")).to_be_visible()
        page.screenshot(path=pictures / "start-page.png")
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=pictures / "start-page-dark.png")
        assert all(picture.stat().st_size < 200_000 for picture in pictures.glob("start-page*.png"))
    assert [error for error in browser.errors if "WebSocket" not in error] == []
