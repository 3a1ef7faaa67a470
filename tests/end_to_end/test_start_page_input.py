"""What one types and decides on the start page is not lost, and a keyboard is enough for it."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.support.start_page import StartPage, open_page
from tests.support.waiting import eventually


def focused(here: StartPage):
    return here.page.locator(":focus")


def begin_renaming(here: StartPage, label: str):
    here.choose(here.task(label), "Rename")
    return here.page.get_by_label("New name", exact=True)


# Dialogs


def test_n3_enter_in_the_field_of_the_due_date_starts_the_project(here):
    here.add_project("learn to fish")
    here.press("Start… learn to fish")
    here.page.get_by_label("Due date").press("Enter")
    expect(here.project("learn to fish")).to_contain_text("started")
    expect(here.project("learn to fish").locator(":focus")).to_have_count(1)


def test_n3_cancel_and_escape_leave_both_dialogs_without_a_change(here):
    here.add_project("learn to fish")
    for leave in (
        lambda: here.page.get_by_role("dialog").get_by_role("button", name="Cancel").click(),
        lambda: here.page.keyboard.press("Escape"),
    ):
        here.press("Start… learn to fish")
        leave()
        expect(here.page.get_by_role("dialog")).to_have_count(0)
        here.choose(here.project("learn to fish"), "Delete…")
        expect(here.page.get_by_role("dialog")).to_contain_text("will be deleted permanently")
        leave()
        expect(here.page.get_by_role("dialog")).to_have_count(0)
    expect(here.project("learn to fish")).to_contain_text("new")


# Renaming


def test_n3_enter_saves_a_new_name_and_keeps_the_focus_in_the_row(here):
    here.add_task("buy tea")
    begin_renaming(here, "buy tea").fill("buy coffee")
    here.page.keyboard.press("Enter")
    here.expect_labels("buy coffee")
    expect(here.page.get_by_label("More for buy coffee")).to_be_focused()


def test_n3_leaving_the_field_saves_a_new_name(here):
    here.add_task("buy tea")
    begin_renaming(here, "buy tea").fill("buy coffee")
    here.page.get_by_label("New task", exact=True).click()
    here.expect_labels("buy coffee")
    expect(here.page.get_by_label("New task", exact=True)).to_be_focused()


def test_n3_escape_gives_up_a_new_name_and_keeps_the_focus_in_the_row(here):
    here.add_task("buy tea")
    begin_renaming(here, "buy tea").fill("buy coffee")
    here.page.keyboard.press("Escape")
    here.expect_labels("buy tea")
    expect(here.page.get_by_label("More for buy tea")).to_be_focused()
    here.page.reload()
    here.expect_labels("buy tea")


def test_n3_a_name_that_is_refused_stays_in_its_field_with_the_reason(here, browser):
    here.add_task("buy tea")
    begin_renaming(here, "buy tea").fill(" ")
    here.page.get_by_label("New task", exact=True).click()
    expect(here.task("Enter a task name.")).to_be_visible()
    expect(here.page.get_by_label("New name", exact=True)).to_have_value(" ")
    browser.errors.clear()  # Chromium notes the 422


def test_n3_a_row_that_moves_while_one_renames_it_keeps_what_is_typed(here, browser, server, cooper):
    here.add_task("ring Diane")
    here.add_task("buy tea")
    field = begin_renaming(here, "buy tea")
    field.fill("buy cof")
    other = open_page(browser.new_window(here.page), server, cooper)
    other.page.get_by_role("button", name="Move ring Diane").press("ArrowDown")
    expect(here.tasks.first).to_have_class(re.compile("renaming"))
    field.press_sequentially("fee")
    field.press("Enter")
    here.expect_labels("buy coffee", "ring Diane")


# Moving


def test_an_answer_that_was_asked_for_before_a_move_and_comes_after_it_changes_nothing(here):
    """A new order leaves the time of a row as it was: which is newer, only the time of the question tells."""
    here.add_task("ring Diane")
    here.add_task("buy tea")
    here.expect_labels("ring Diane", "buy tea")
    here.page.evaluate(
        """() => {
            const fetched = window.fetch
            const released = new Promise((resolve) => { window.release = resolve })
            window.asked = 0
            window.fetch = async (path, options) => {
                const answer = await fetched(path, options)
                if (options.method === "GET") {
                    window.asked += 1
                    await released
                }
                return answer
            }
            window.dispatchEvent(new Event("focus"))
        }"""
    )
    eventually(lambda: here.page.evaluate("window.asked") >= 2)
    here.page.get_by_role("button", name="Move ring Diane").press("ArrowDown")
    here.expect_labels("buy tea", "ring Diane")
    here.page.evaluate("window.release()")
    here.add_task("fetch water")
    here.expect_labels("buy tea", "ring Diane", "fetch water")


def test_the_answer_to_a_new_task_is_older_than_a_move(here):
    """It waits for its notification for a second."""
    here.page.clock.install()
    here.add_task("ring Diane")
    here.add_task("buy tea")
    here.expect_labels("ring Diane", "buy tea")
    here.page.get_by_role("button", name="Move ring Diane").press("ArrowDown")
    here.expect_labels("buy tea", "ring Diane")
    here.page.clock.fast_forward(2_000)
    here.expect_labels("buy tea", "ring Diane")


# Adding


@pytest.mark.parametrize(
    ("field", "sentence"), [("New task", "Enter a task name."), ("New project", "Enter a project name.")]
)
def test_n3_an_empty_name_is_asked_for(here, browser, field, sentence):
    here.page.get_by_label(field, exact=True).press("Enter")
    expect(here.page.get_by_text(sentence)).to_be_visible()
    browser.errors.clear()  # Chromium notes the 422


def test_n3_what_is_typed_while_the_server_answers_stays_and_is_added_once(here):
    held = []

    def hold(route):
        held.append(route) if route.request.method == "POST" else route.continue_()

    here.page.route("**/api/users/me/tasks", hold)
    field = here.page.get_by_label("New task", exact=True)
    field.fill("buy tea")
    field.press("Enter")
    field.press("Enter")
    field.fill("buy coffee")
    # Not by eventually(): the page's loop must run for anything to be held.
    deadline = time.monotonic() + 20
    while not held:
        assert time.monotonic() < deadline
        here.page.wait_for_timeout(20)
    [route] = held
    route.continue_()
    here.expect_labels("buy tea")
    expect(field).to_have_value("buy coffee")


def test_n3_a_project_in_another_script_is_told_exactly_what_its_name_lacks(here, browser):
    here.add_project("Сад")
    expect(here.page.get_by_text("at least one Latin letter (a–z) or digit")).to_be_visible()
    browser.errors.clear()  # Chromium notes the 422
    here.add_project("Сад 1")
    expect(here.project("Сад 1")).to_be_visible()
    expect(here.page.get_by_text("at least one Latin letter")).to_have_count(0)


# Abandoning


def test_n3_an_abandoned_task_can_be_kept(here, there):
    here.add_task("buy tea")
    here.choose(here.task("buy tea"), "Abandon")
    expect(here.page.get_by_role("button", name="Undo buy tea")).to_be_focused()
    expect(here.page.locator("#announcer")).to_contain_text("buy tea will be abandoned")
    here.page.keyboard.press("Enter")
    expect(here.task("buy tea")).to_contain_text("started")
    expect(here.page.get_by_role("button", name="Plan buy tea")).to_be_focused()
    expect(here.page.locator("#announcer")).to_have_text("buy tea is kept.")
    there.page.reload()
    there.expect_labels("buy tea")


def test_n3_an_abandoned_task_goes_after_a_while_and_the_focus_to_its_neighbour(here, there):
    here.add_task("buy tea")
    here.add_task("buy coffee")
    here.choose(here.task("buy tea"), "Abandon")
    # The page waits for 8 s.
    expect(there.tasks.locator(".label")).to_have_text(["buy coffee"], timeout=30_000)
    here.expect_labels("buy coffee")
    expect(here.page.get_by_label("More for buy coffee")).to_be_focused()


def test_n3_an_abandoned_task_goes_when_its_window_does(here, there, server):
    here.add_task("buy tea")
    expect(there.task("buy tea")).to_be_visible()
    here.choose(here.task("buy tea"), "Abandon")
    here.page.goto(f"{server.url}/health/live")
    expect(there.tasks).to_have_count(0)


def test_n3_an_abandoned_task_goes_before_one_signs_out(here, site, cooper):
    here.add_task("buy tea")
    here.choose(here.task("buy tea"), "Abandon")
    here.press("Sign out")
    here.expect_login()
    assert site.shell(f"result = Task.objects.get(user_id={cooper.pk}).state") == "abandoned"


def test_n3_the_focus_stays_in_the_list_when_a_task_leaves_it(here):
    here.add_task("buy tea")
    here.add_task("buy coffee")
    here.press("Plan buy tea")
    here.page.get_by_role("button", name="Finish buy tea").press("Enter")
    here.expect_labels("buy coffee")
    expect(here.page.get_by_label("More for buy coffee")).to_be_focused()


# Menus


def test_n3_the_arrow_keys_go_through_a_menu(here):
    here.add_task("buy tea")
    menu = here.page.get_by_label("More for buy tea")
    menu.press("ArrowDown")
    expect(focused(here)).to_have_text("Stop")
    for key, item in (
        *(("ArrowDown", "Rename"), ("ArrowUp", "Stop"), ("ArrowUp", "Abandon")),
        *(("ArrowDown", "Stop"), ("End", "Abandon"), ("Home", "Stop")),
    ):
        here.page.keyboard.press(key)
        expect(focused(here)).to_have_text(item)
    here.page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(here.task("buy tea").locator(".items")).to_be_hidden()
    menu.press("ArrowUp")
    expect(focused(here)).to_have_text("Abandon")
    here.page.keyboard.press("Tab")
    expect(here.task("buy tea").locator(".items")).to_be_hidden()


# Names of every kind


def test_n3_names_run_in_their_own_direction(here, site, cooper):
    site.new_task(cooper, "לקנות תה")
    here.add_task("buy coffee")
    here.expect_labels("לקנות תה", "buy coffee")
    directions = here.tasks.locator(".label").evaluate_all(
        "each => each.map(one => getComputedStyle(one).direction)"
    )
    assert directions == ["rtl", "ltr"]
    field = here.page.get_by_label("New task", exact=True)
    field.fill("לקנות")
    assert field.evaluate("one => getComputedStyle(one).direction") == "rtl"


def test_n3_a_long_name_is_clamped_and_shown_whole_to_who_goes_to_it(here, site, cooper):
    site.new_task(cooper, "a long name " * 100)
    label = here.tasks.locator(".label")
    clamped = label.bounding_box()["height"]
    assert clamped < 100
    assert label.get_attribute("title").startswith("a long name a long name")
    here.page.get_by_label(re.compile("More for a long")).focus()
    assert label.bounding_box()["height"] > 3 * clamped
