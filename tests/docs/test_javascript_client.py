"""The blocks of docs/javascript-client.md, each in a page of a real Chromium, with a real server."""

import json

import pytest

from notifications.contract.typescript import typescript
from tests.clients.javascript import MODULES, PACKAGE, node
from tests.docs.consoles import Console
from tests.docs.pages import block, blocks
from tests.support.required import missing
from tests.support.site import ROOT

PAGE = "docs/javascript-client.md"
PLAIN = block(PAGE, "js", "in a page")
WITH_POSITION = block(PAGE, "js", "with the state's position")
TANSTACK = block(PAGE, "js", "tanstackQuery")
SWR = block(PAGE, "js", "swr(")
STORE = block(PAGE, "js", "a plain store")
ELSEWHERE = block(PAGE, "js", "on another site")
TYPED = block(PAGE, "ts")

SITE = "https://app.example"
IMPORTS = {
    "sync-cable-client": "/npm/sync-cable-client/src/index.js",
    "sync-cable-client/adapters": "/npm/sync-cable-client/src/adapters.js",
    "@tanstack/query-core": "/npm/@tanstack/query-core/build/modern/index.js",
    # Of a library of React's, of which nothing else is wanted here.
    "swr": "data:text/javascript,export const mutate = (filter) => told('mutate')(filter(['tasks', 1]))",
}
# What a block calls and leaves to its reader; each prints its name and what it was called with.
READERS = """
const process = { env: {} } // which a bundler would put in its place
const told = (name) => (...args) => console.log(JSON.stringify({ event: name, args }))
const refetch = told("refetch")
const refetchAll = told("refetchAll")
const show = told("show")
const newToken = () => token
const fetchRow = async (resource, id) => (told("fetchRow")(resource, id), { id })
"""
HTML = """
<script type="importmap">{imports}</script>
<script>const token = "{token}"; {readers}</script>
<script type="module">{block}</script>
"""


class Try(Console):
    """A page that consists of one block, on the server's site or on another one."""

    def __init__(self, page, server, person, block, *, origin=None, more=""):
        super().__init__(page)
        url = origin or server.url
        if not (MODULES / "@tanstack/query-core").is_dir():
            missing("@tanstack/query-core (with make setup)")
        page.route(f"{url}/npm/**", self._serve)
        if origin is None:
            page.context.add_cookies([{"name": "Authorization", "value": person.token, "url": url}])
        text = block.text.replace("wss://lessy.example/cable", server.cable_url)
        html = HTML.format(
            imports=json.dumps({"imports": IMPORTS}), token=person.token, readers=READERS, block=text + more
        )
        if origin is None:
            page.goto(f"{url}/health/live")
            page.set_content(html)
        else:
            page.route(f"{url}/", lambda route: route.fulfill(body=html, content_type="text/html"))
            page.goto(f"{url}/")

    def _serve(self, route):
        name = route.request.url.partition("/npm/")[2]
        package = name.removeprefix("sync-cable-client/")
        path = MODULES / name if package == name else PACKAGE / package
        route.fulfill(path=path, content_type="text/javascript")

    def wait_to_be_told(self, event, *args):
        self.wait_for(lambda: {"event": event, "args": list(args)} in self.objects(), 20)


@pytest.fixture
def page(browser):
    return browser.new_page(bypass_csp=True)


def test_a_page_reads_its_state_and_then_what_changes(site, server, cooper, page):
    tried = Try(page, server, cooper, PLAIN)
    tried.wait_to_be_told("refetchAll", "start")
    task = site.new_task(cooper)
    tried.wait_to_be_told("refetch", "create#tasks", task, None)
    tried.wait_to_be_told("refetch", "update#tasks", task, site.touch(task))


def test_a_page_with_a_position_misses_nothing_and_reads_nothing_twice(site, server, cooper, page):
    with server.connect(cooper, subprotocols=["actioncable-v1-ext-json"]) as socket:
        socket.subscribe()
        site.new_task(cooper)
        frame = socket.frame()
    missed = site.new_task(cooper)
    headers = {"Cable-Position": f"{frame['epoch']}-{frame['offset']}", "Content-Type": "application/json"}
    page.route("**/books.json", lambda route: route.fulfill(body='{"books":[]}', headers=headers))
    tried = Try(page, server, cooper, WITH_POSITION)
    tried.wait_to_be_told("refetch", "create#tasks", missed)
    assert not [each for each in tried.objects() if each["event"] == "refetchAll"]


def test_tanstack_query_reads_what_changed(site, server, cooper, page):
    task = site.new_task(cooper)
    observe = """
        const { QueryObserver } = await import("@tanstack/query-core")
        const observe = (...queryKey) => new QueryObserver(queries, { queryKey, staleTime: Infinity,
          queryFn: async () => (told("read")(...queryKey), {}) }).subscribe(() => {})
        observe("tasks", %d); observe("projects", %d)
    """
    tried = Try(page, server, cooper, TANSTACK, more=observe % (task, task))
    tried.wait_to_be_told("read", "projects", task)

    def read(resource):
        return tried.objects().count({"event": "read", "args": [resource, task]})

    # After what each reads at first, and when the cable begins.
    tried.wait_for(lambda: read("projects") == read("tasks") == 2)
    site.touch(task)
    tried.wait_for(lambda: read("tasks") == 3)
    assert read("projects") == 2


def test_swr_is_told_which_keys(site, server, cooper, page):
    tried = Try(page, server, cooper, SWR)
    tried.wait_to_be_told("mutate", True)
    site.new_task(cooper)
    tried.wait_for(lambda: len([each for each in tried.objects() if each["event"] == "mutate"]) == 2)


def test_a_store_of_ones_own_loads_what_changed(site, server, cooper, page):
    tried = Try(page, server, cooper, STORE)
    tried.wait_to_be_told("refetchAll")
    tried.wait_to_be_told("fetchRow", "tasks", site.new_task(cooper))


def test_a_page_of_another_site_brings_its_token(site, cooper, browser):
    server = site.serve(CABLE_SUBPROTOCOL_TOKEN="on", CABLE_ALLOWED_ORIGINS=SITE)
    tried = Try(browser.new_page_of(SITE), server, cooper, ELSEWHERE, origin=SITE)
    tried.wait_to_be_told("refetchAll", "start")
    tried.wait_to_be_told("refetch", "create#tasks", site.new_task(cooper))
    server.stop()


def test_the_types_are_those_of_the_command(tmp_path):
    (tmp_path / "page.ts").write_text(TYPED.text)
    (tmp_path / "cable.ts").write_text(typescript())
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/sync-cable-client").symlink_to(PACKAGE)
    compiler = MODULES / "typescript/lib/tsc.js"
    options = ("--noEmit", "--strict", "--target", "es2022", "--module", "esnext")
    found = node(
        compiler, *options, "--moduleResolution", "bundler", tmp_path / "page.ts", needs="typescript"
    )
    assert found.stdout == ""


def test_no_block_of_the_page_is_left_out():
    assert blocks(PAGE) == [PLAIN, WITH_POSITION, TANSTACK, SWR, STORE, TYPED, ELSEWHERE]
    assert (ROOT / PAGE).read_text().count("```") == 2 * len(blocks(PAGE))
