"""The blocks of docs/javascript-client.md, each in a page of a real Chromium, with a real server."""

import dataclasses
import json

import pytest

from notifications.contract.typescript import typescript
from tests.clients.javascript import MODULES, PACKAGE, bundle, node
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
# A page of React: showTasks(ids) shows them, read from the API, and again only when the cable says so.
REACT = """
import { createElement } from "react"
import { createRoot } from "react-dom/client"
import useSWR, { SWRConfig } from "swr"

async function read([resource, id]) {
  const answer = await fetch(`/api/${resource}/${id}`, { headers: { Authorization: token } })
  return (await answer.json()).data
}

function Task({ id }) {
  const { data } = useSWR(["tasks", id], read)
  return createElement("li", {}, data ? data.attributes.label : "…")
}

function Tasks({ ids }) {
  const value = { revalidateOnFocus: false, revalidateOnReconnect: false, shouldRetryOnError: false }
  return createElement(SWRConfig, { value }, ids.map((id) => createElement(Task, { id, key: id })))
}

const root = createRoot(document.body.appendChild(document.createElement("ul")))
window.showTasks = (...ids) => root.render(createElement(Tasks, { ids }))
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


class Tasks(Try):
    """The block of SWR in a page of React, bundled, which shows tasks."""

    def __init__(self, page, server, person, tasks):
        if not (MODULES / "react-dom").is_dir():
            missing("react-dom (with make setup)")
        text = bundle(SWR.text + REACT)
        page.route("**/page.js", lambda route: route.fulfill(body=text, content_type="text/javascript"))
        super().__init__(page, server, person, dataclasses.replace(SWR, text='import "/page.js"'))
        page.wait_for_function("'showTasks' in window")
        self.show(tasks)

    def show(self, tasks):
        self.page.evaluate("(ids) => showTasks(...ids)", tasks)

    def wait_to_show(self, *labels):
        self.wait_for(lambda: self.page.get_by_role("listitem").all_text_contents() == list(labels))


def relabel(site, tasks, label):
    """By another process."""
    site.shell(f"for task in Task.objects.filter(pk__in={tasks}): task.label = {label!r}; task.save()")


def test_a_component_of_react_shows_what_changed(site, server, cooper, page):
    tea, pie = site.new_task(cooper), site.new_task(cooper, "buy pie")
    tasks = Tasks(page, server, cooper, [tea, pie])
    tasks.wait_to_show("buy tea", "buy pie")
    relabel(site, [pie], "eat pie")
    tasks.wait_to_show("buy tea", "eat pie")
    # One that is not shown meanwhile is read when it is.
    tasks.show([pie])
    relabel(site, [tea], "drink tea")
    relabel(site, [pie], "more pie")
    tasks.wait_to_show("more pie")
    tasks.show([tea, pie])
    tasks.wait_to_show("drink tea", "more pie")


def test_components_of_react_read_all_again_when_it_is_not_known_what_changed(site, cooper, page):
    server = site.serve(CABLE_REPLAY_LIMIT="2")
    made = [site.new_task(cooper) for _ in range(4)]
    tasks = Tasks(page, server, cooper, made)
    tasks.wait_to_show(*["buy tea"] * 4)
    # The cable is there.
    relabel(site, made, "drink tea")
    tasks.wait_to_show(*["drink tea"] * 4)
    server.stop()
    relabel(site, made, "no tea")
    server.start()
    tasks.wait_to_show(*["no tea"] * 4)
    server.stop()


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
