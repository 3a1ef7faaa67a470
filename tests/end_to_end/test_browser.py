"""The browser that the tests drive."""


def test_a_browser_shows_a_page_and_tells_of_its_errors(server, browser):
    page = browser.new_page()
    page.goto(f"{server.url}/health/live")
    assert page.evaluate("location.origin") == server.url
    assert browser.errors == []
    with page.expect_event("pageerror"):
        page.evaluate("console.error('to be seen'); setTimeout(() => { throw new Error('thrown') })")
    assert browser.errors == ["to be seen", "thrown"]


async def test_a_coroutine_may_be_a_test_beside_it():
    """Playwright's loop has ended with its browser."""


def test_a_test_beside_it_may_use_the_orm(alice):
    assert alice.pk
