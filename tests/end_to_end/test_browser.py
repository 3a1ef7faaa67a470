"""
The cable in a real browser: a page of our own origin may open it; the same page elsewhere may not, although
the browser sends the cookie with it.
"""

import pytest
from playwright.sync_api import Route

from tests.clients.drivers import HERE
from tests.support.processes import free_port
from tests.support.required import missing

# What each version ships for pages without a build step.
CLIENTS = {
    "actioncable-8.1": "app/assets/javascripts/actioncable.js",
    "actioncable-5.2": "lib/assets/compiled/action_cable.js",
}

PAGE = """
<!doctype html><title>opened</title><script src="client.js"></script><script>
ActionCable.createConsumer("{cable}").subscriptions.create("NotificationsChannel", {{
  connected: () => (document.title = "connected"),
  received: (message) => (document.title = JSON.stringify(message)),
}})
</script>
"""


@pytest.fixture(params=CLIENTS)
def new_page(request, browser, cooper):
    """new_page(origin, server): a page of that origin that opens the server's cable with Cooper's cookie."""
    source = HERE / "node_modules" / request.param / CLIENTS[request.param]
    if not source.is_file():
        missing("node (with make setup)")

    def opening(origin, server):
        # A page that comes from nowhere would else not reach this machine at all.
        page = browser.new_page(permissions=["local-network-access"])
        page.context.add_cookies([{"name": "Authorization", "value": cooper.token, "url": server.url}])
        html = PAGE.format(cable=server.cable_url)
        # Only the page and its script are ours to answer: the cable's handshake goes to the server.
        page.route(f"{origin}/client.js", answering(source.read_text(), "text/javascript"))
        page.route(f"{origin}/page", answering(html, "text/html"))
        page.goto(f"{origin}/page")
        return page

    return opening


def answering(body, content_type):
    def answer(route: Route) -> None:
        route.fulfill(body=body, content_type=content_type)

    return answer


def wait_for_title(page, title):
    page.wait_for_function("title => document.title === title", arg=title)


def hears(site, page, person):
    wait_for_title(page, "connected")
    task = site.new_task(person)
    wait_for_title(page, f'{{"action":"create#tasks","id":{task}}}')


def test_a_page_of_our_own_origin_hears(site, server, browser, cooper, new_page):
    page = new_page(server.url, server)
    hears(site, page, cooper)
    assert browser.errors == []


def test_a_page_of_another_origin_is_refused(server, browser, new_page):
    foreign = f"http://127.0.0.1:{free_port()}"
    page = new_page(foreign, server)
    browser.wait_for_error(page, "Unexpected response code: 403")
    assert page.title() == "opened"


def test_its_origin_alone_keeps_it_out_since_it_brings_the_cookie(site, browser, cooper, new_page):
    """Where its origin is allowed, the same page hears what is Cooper's."""
    foreign = f"http://127.0.0.1:{free_port()}"
    server = site.serve(CABLE_ALLOWED_ORIGINS=foreign)
    page = new_page(foreign, server)
    hears(site, page, cooper)


def test_a_browser_tells_of_the_errors_of_its_pages(server, browser):
    page = browser.new_page()
    page.goto(f"{server.url}/health/live")
    assert browser.errors == []
    with page.expect_event("pageerror"):
        page.evaluate("console.error('to be seen'); setTimeout(() => { throw new Error('thrown') })")
    assert browser.errors == ["to be seen", "thrown"]


async def test_a_coroutine_may_be_a_test_beside_it():
    """Playwright's loop has ended with its browser."""


def test_a_test_beside_it_may_use_the_orm(alice):
    assert alice.pk
