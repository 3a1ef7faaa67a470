"""Every state of the start page: that it is seen, and that axe-core finds nothing wrong with it."""

import pytest
from playwright.sync_api import expect

from tests.support.axe import assert_accessible
from tests.support.start_page import StartPage, opener
from tests.support.waiting import eventually


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


# What happens at the same time


@pytest.mark.parametrize("how", ["first load", "read again"])
@pytest.mark.parametrize("request_number", [2, 3])
def test_n3_no_row_is_lost_when_another_goes_between_two_pages(open_as, site, cooper, how, request_number):
    site.shell(
        f"""
from django.db.models import F, QuerySet
tasks = [Task.objects.create(user_id={cooper.pk}, label=f"task {{number}}") for number in range(60)]
# Or the cable would replay them.
old = QuerySet(Task).filter(user_id={cooper.pk}, pk__lt=tasks[-1].pk)
old.update(updated_at=F("updated_at") - timedelta(hours=1))
result = len(tasks)
"""
    )
    here = open_as(cooper)
    expect(here.tasks).to_have_count(60)
    asked = []

    def pass_on(route):
        asked.append(route.request.url)
        if len(asked) == request_number:
            site.shell(
                f"""
task = Task.objects.filter(user_id={cooper.pk}).order_by("pk").first()
result = Task.objects.filter(pk=task.pk).update(state="abandoned")
"""
            )
        route.continue_()

    here.page.route("**/api/users/me/tasks*", pass_on)
    if how == "first load":
        here.page.reload()
        expect(here.state).to_have_text("Open")
    else:
        with here.page.expect_response(
            lambda answer: "tasks?page=" in answer.url and len(asked) >= request_number
        ):
            here.page.evaluate("dispatchEvent(new Event('focus'))")
        here.page.evaluate("fetch('/health/live').then(() => new Promise(requestAnimationFrame))")
    labels = here.tasks.locator(".label").all_text_contents()
    assert [label for label in labels if label != "task 0"] == [f"task {number}" for number in range(1, 60)]


def library_of_the_first_choice(here):
    """Of two quick choices of a protocol: its route, held until the second is open."""
    held = []
    here.page.route("**/actioncable.esm.js", lambda route: held.append(route))
    here.page.get_by_role("radio", name="Base").check()
    eventually(lambda: here.page.evaluate("1") and held, what="the first library")
    here.speak("Automatic")
    [route] = held
    return route


def test_n3_of_two_quick_choices_of_a_protocol_the_first_is_given_up(here):
    """Its library comes when the second is open already."""
    route = library_of_the_first_choice(here)
    library = route.fetch().text()
    watched = """
        const disconnect = Consumer.prototype.disconnect
        Consumer.prototype.disconnect = function () {
            window.givenUp = true
            return disconnect.call(this)
        }
    """
    route.fulfill(body=library + watched, content_type="text/javascript")
    eventually(lambda: here.page.evaluate("window.givenUp"), what="the end of the first")
    expect(here.state).to_have_text("Open")


def test_n3_a_library_that_is_not_wanted_any_more_may_fail(here, browser):
    route = library_of_the_first_choice(here)
    here.page.evaluate(
        """() => {
            window.seen = []
            const words = document.querySelector("#cable .connection")
            const look = () => window.seen.push(words.textContent.trim())
            new MutationObserver(look).observe(words, { subtree: true, childList: true, characterData: true })
        }"""
    )
    route.abort()
    browser.wait_for_error(here.page, "ERR_FAILED")
    here.page.evaluate("fetch('/health/live').then(() => new Promise(requestAnimationFrame))")
    assert here.page.evaluate("window.seen") == []
    browser.errors.clear()  # Chromium notes the library that failed


def test_n3_a_window_whose_token_has_ended_leaves_the_new_one_of_another(here, browser, site, cooper, audrey):
    here.page.evaluate("(token) => localStorage.setItem('authentication_token', token)", audrey.token)
    site.shell(f"AccessToken.objects.filter(user_id={cooper.pk}).revoke()")
    expect(here.page.locator("#username")).to_have_text(audrey.username)
    expect(here.state).to_have_text("Open")
    assert here.page.evaluate("localStorage.getItem('authentication_token')") == audrey.token
    browser.errors.clear()  # Chromium notes the 401


def test_n3_an_abandoned_task_is_abandoned_once(here):
    """Its answer is held while one signs out; and one signs out after another has gone."""
    here.page.clock.install()
    here.add_task("buy tea")
    here.add_task("buy coffee")
    asked, held = [], []
    here.page.route(
        "**/api/tasks/*/state", lambda route: (asked.append(route.request.url), route.continue_())
    )
    here.choose(here.task("buy coffee"), "Abandon")
    here.page.clock.fast_forward(8_000)
    here.expect_labels("buy tea")
    here.page.unroute("**/api/tasks/*/state")
    here.page.route(
        "**/api/tasks/*/state", lambda route: (asked.append(route.request.url), held.append(route))
    )
    here.choose(here.task("buy tea"), "Abandon")
    here.page.clock.fast_forward(8_000)
    eventually(lambda: here.page.evaluate("1") and held, what="the request")
    here.press("Sign out")
    here.page.evaluate("1")
    for route in held:
        route.continue_()
    here.expect_login()
    assert len(set(asked)) == len(asked) == 2
