"""Every state of the start page: that it is seen, and that axe-core finds nothing wrong with it."""

import pytest
from playwright.sync_api import expect

from tests.support.axe import assert_accessible
from tests.support.start_page import StartPage, opener


@pytest.fixture
def still(open_as, cooper) -> StartPage:
    """With two tasks and a project; nothing moves."""
    here = open_as(cooper, reduced_motion="reduce")
    here.add_task("ring Diane")
    here.add_project("learn to fish")
    here.add_task("buy tea", project="learn to fish")
    expect(here.projects).to_have_count(1)
    return here


def test_n3_axe_the_login(browser, server):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(server.url)
    assert_accessible(page, "login")
    page.get_by_label("User name", exact=True).fill("nobody")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Wrong user name or password.")).to_be_visible()
    assert_accessible(page, "refused login")


def test_n3_axe_the_work(still, browser):
    page = still.page
    assert_accessible(page, "work")
    still.task("ring Diane").locator("summary").click()
    assert_accessible(page, "open menu")
    page.keyboard.press("Escape")
    still.choose(still.task("buy tea"), "Rename")
    page.get_by_label("New name", exact=True).fill(" ")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enter a task name.")).to_be_visible()
    assert_accessible(page, "refused name")
    page.keyboard.press("Escape")
    still.press("Start… learn to fish")
    assert_accessible(page, "due date")
    page.keyboard.press("Escape")
    still.choose(still.project("learn to fish"), "Delete…")
    assert_accessible(page, "deletion")
    page.keyboard.press("Escape")
    still.press("Plan ring Diane")
    still.press("Finish ring Diane")
    page.get_by_text("Finished (1)").click()
    assert_accessible(page, "finished tasks")
    still.choose(still.task("buy tea"), "Abandon")
    assert_accessible(page, "task that will be abandoned")
    browser.errors.clear()  # Chromium notes the 422


def test_n3_axe_the_panel(still, browser):
    page = still.page
    for summary in page.locator("#cable summary").all():
        summary.click()
    assert_accessible(page, "all details open")
    still.press("Pause")
    still.press("Copy all")
    assert_accessible(page, "paused frames, and a note")
    still.press("Go online" if still.page.get_by_role("button", name="Go online").count() else "Go offline")
    assert_accessible(page, "offline")


# Offline is seen


def test_n3_that_it_is_offline_is_seen_until_it_is_subscribed_again(here):
    line = here.page.locator("#offline")
    expect(line).to_be_hidden()
    here.press("Go offline")
    expect(line).to_have_text("Offline (paused). Changes made elsewhere appear when you go online again.")
    expect(line).to_be_in_viewport()
    here.press("Go online")
    expect(line).to_be_hidden()


def test_n3_a_lost_connection_is_seen_on_a_phone_too(open_as, site, cooper, with_libraries, browser):
    server = site.serve()
    here = opener(browser, server)(cooper, viewport={"width": 360, "height": 640}, reduced_motion="reduce")
    line = here.page.locator("#offline")
    server.stop()
    expect(line).to_have_text("Connection lost. Changes made elsewhere appear when it is back.")
    expect(line).to_be_in_viewport()
    assert_accessible(here.page, "lost connection")
    here.page.context.set_offline(True)
    expect(line).to_contain_text("This computer is offline.")
    browser.errors.clear()  # Chromium notes each failed attempt


# Frames that brought nothing new


@pytest.mark.parametrize("protocol", ["Extended", "Base"])
def test_n3_what_a_first_visit_is_replayed_is_folded(open_as, site, cooper, protocol):
    for number in range(5):
        site.touch(site.new_task(cooper, f"task {number}"))
    here = open_as(cooper)
    page = here.page
    if protocol == "Base":
        page.get_by_label("Changes").uncheck()
        here.speak(protocol)
        page.get_by_label("Changes").check()
    group = here.frames.filter(has_text="replayed, nothing new").first
    expect(group).to_be_visible()
    changes = page.locator("#frames > ol > li.frame:not(.group)[data-kind=change]")
    expect(changes).to_have_count(0)
    group.locator("summary").first.click()
    expect(group.locator("ol > li").first).to_contain_text("#tasks")
    here.add_task("buy tea")
    expect(changes).to_have_count(1)
    expect(changes).to_contain_text("create#tasks")
