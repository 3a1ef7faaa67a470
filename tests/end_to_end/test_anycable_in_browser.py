"""AnyCable's own client, unmodified, in a real browser: it resumes by itself, and is told when it cannot."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Route

from tests.clients.drivers import HERE
from tests.support.required import missing
from tests.support.site import new_site

MODULES = HERE / "node_modules"
PACKAGES = {name: f"/modules/{name}/index.js" for name in ("@anycable/web", "@anycable/core", "nanoevents")}

PAGE = f"""
<!doctype html><title>AnyCable</title>
<script type="importmap">{json.dumps({"imports": PACKAGES})}</script>
<script type="module">
import {{ createCable }} from "@anycable/web"
window.said = []
const cable = createCable({{ protocol: "actioncable-v1-ext-json" }})
const channel = cable.subscribeTo("NotificationsChannel")
for (const event of ["connect", "disconnect", "close", "info", "message"])
  channel.on(event, (detail) => window.said.push(JSON.stringify([event, detail?.type ?? detail])))
</script>
"""


@pytest.fixture
def restartable(redis_server):
    """A server that this test may stop."""
    with new_site(redis_server) as site:
        yield site


@pytest.fixture
def cooper(restartable):
    return restartable.new_person()


@pytest.fixture
def page(browser, restartable, cooper):
    """Of the server's own origin, with Cooper's cookie; subscribed, and it has heard of a task."""
    if not (MODULES / "@anycable" / "web").is_dir():
        missing("node (with make setup)")
    [server] = restartable.servers
    page = browser.new_page(permissions=["local-network-access"])
    page.context.add_cookies([{"name": "Authorization", "value": cooper.token, "url": server.url}])
    page.route(f"{server.url}/page", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.route(f"{server.url}/modules/**", answer_with_module)
    page.goto(f"{server.url}/page")
    wait_for(page, ["info", "history_received"], seconds=20)
    wait_for(page, created(restartable.new_task(cooper)))
    return page


def answer_with_module(route: Route) -> None:
    path = MODULES / Path(route.request.url.partition("/modules/")[2])
    route.fulfill(body=path.read_text(), content_type="text/javascript")


def created(task):
    return ["message", {"action": "create#tasks", "id": task}]


def wait_for(page, said, seconds=60):
    text = json.dumps(said, separators=(",", ":"))
    try:
        page.wait_for_function("text => window.said?.includes(text)", arg=text, timeout=seconds * 1000)
    except Exception as exc:
        raise AssertionError(f"waits for {text}: {page.evaluate('window.said')}") from exc


def test_it_resumes_what_it_missed(restartable, cooper, page):
    [server] = restartable.servers
    server.stop()
    missed = [restartable.new_task(cooper) for _ in range(3)]
    server.start()
    for task in missed:
        wait_for(page, created(task))
    wait_for(page, created(restartable.new_task(cooper)))
    assert page.evaluate("window.said").count('["info","history_received"]') == 2


def test_it_is_told_when_its_position_is_gone_and_lives_on(restartable, cooper, page):
    [server] = restartable.servers
    server.stop()
    restartable.manage("cable_renew_epoch")
    server.start()
    wait_for(page, ["info", "history_not_found"])
    wait_for(page, created(restartable.new_task(cooper)))
