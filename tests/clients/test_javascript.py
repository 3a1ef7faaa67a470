"""sync-cable-client: its own tests, its size, its types, and tabs of a real Chromium against real servers."""

import gzip
import json

import pytest

from notifications.contract.typescript import typescript
from tests.clients.javascript import MODULES, PACKAGE, Tab, bundle, node
from tests.docs.proxies import start_nginx
from tests.support.processes import free_port

# Bytes, bundled, minified and compressed.
LARGEST = 5 * 1024
# Each line that is marked is an error, and no other one.
USE = """
import { connect, type Cable } from "sync-cable-client"
import { store, swr, tanstackQuery } from "sync-cable-client/adapters"
import type { CableChange } from "./cable"

const cable: Cable = connect<CableChange>({
  url: "/cable",
  onChange: (changes) => {
    for (const change of changes) {
      if (change.action === "update#tasks") change.updatedAt.toFixed()
      if (change.action === "create#tasks") change.updatedAt // error
    }
  },
  onRefetch: ({ reason }) => reason.length,
})
connect({ onchange: () => {} }) // error
connect({ token: async () => "token", share: "user 23", storage: null })
const position: string = cable.position // error
cable.position = null // error
connect({ ...swr((filter) => filter(["tasks", 1])), url: "/cable" })
connect(store({ find: () => null, load: () => {}, remove: () => {}, reload: () => {} }))
connect(tanstackQuery({})) // error
"""

# A proxy of a network that lets no websocket pass.
BLOCKING = """
server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_set_header Host $http_host;
    location = /cable {{ {answer} }}
    location / {{ proxy_pass http://127.0.0.1:{server}; }}
}}
"""


def test_its_own_tests_pass():
    tests = sorted(str(path) for path in (PACKAGE / "test").glob("*.test.mjs"))
    done = node("--test", *tests, needs="@tanstack/query-core")
    assert done.returncode == 0, done.stdout


def test_it_is_small():
    everything = 'export * from "sync-cable-client"; export * from "sync-cable-client/adapters"'
    size = len(gzip.compress(bundle(everything).encode()))
    assert 1_000 < size <= LARGEST


def test_it_depends_on_nothing():
    description = json.loads((PACKAGE / "package.json").read_text())
    assert not [key for key in description if key.endswith(("dependencies", "Dependencies"))]


def test_its_types_are_those_of_the_project(tmp_path):
    (tmp_path / "use.ts").write_text(USE)
    (tmp_path / "cable.ts").write_text(typescript())
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/sync-cable-client").symlink_to(PACKAGE)
    settings = {
        "compilerOptions": {
            "strict": True,
            "noEmit": True,
            "target": "es2022",
            "module": "esnext",
            "moduleResolution": "bundler",
            "lib": ["es2022", "dom"],
        },
        "files": ["use.ts"],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings))
    found = node(MODULES / "typescript/lib/tsc.js", "-p", tmp_path, "--pretty", "false", needs="typescript")
    errors = [line for line in found.stdout.splitlines() if not line.startswith(" ")]
    marked = [number for number, line in enumerate(USE.splitlines(), 1) if "// error" in line]
    assert [int(line.partition("(")[2].partition(",")[0]) for line in errors] == marked, found.stdout


# In Chromium


def connections_of(site, person):
    """Counted by the servers."""
    users = json.loads(site.manage("cable_stats", "--json", "--wait", "20"))["totals"]["by_user"]
    return dict(map(tuple, users)).get(person.pk, 0)


@pytest.fixture
def open_tab(site, server, browser, cooper):
    """open_tab(options): of one browser."""
    pages = []

    def opening(url=server.url, **options):
        pages.append(browser.new_window(pages[0]) if pages else browser.new_page(bypass_csp=True))
        tab = Tab(pages[-1], url, cooper, **options)
        tab.wait_until_open()
        return tab

    return opening


@pytest.fixture
def two_tabs(open_tab):
    first, second = open_tab(), open_tab()
    assert (first.leads(), second.leads()) == (True, False)
    return first, second


def test_two_tabs_have_one_connection_and_both_hear(site, cooper, two_tabs):
    tasks = [site.new_task(cooper) for _ in range(5)]
    for tab in two_tabs:
        tab.wait_to_hear(tasks)
        # Each begins with its state.
        assert tab.refetches() == ["start"]
    assert connections_of(site, cooper) == 1


def test_when_the_tab_with_the_connection_is_closed_another_goes_on_and_misses_nothing(
    site, cooper, two_tabs
):
    first, second = two_tabs
    tasks = []
    for number in range(30):
        tasks.append(site.new_task(cooper))
        if number == 10:
            first.page.close()
        second.page.wait_for_timeout(20)
    second.wait_to_hear(tasks)
    assert second.leads()
    assert second.refetches() == ["start"]
    assert connections_of(site, cooper) == 1


def test_when_the_tab_with_the_connection_hangs_another_goes_on_and_misses_nothing(site, cooper, two_tabs):
    first, second = two_tabs
    tasks = [site.new_task(cooper)]
    second.wait_to_hear(tasks)
    wake = first.hang()
    tasks += [site.new_task(cooper) for _ in range(5)]
    second.page.wait_for_function("cable.leads && cable.state.name === 'open'", timeout=60_000)
    tasks += [site.new_task(cooper) for _ in range(5)]
    second.wait_to_hear(tasks)
    wake()
    first.page.wait_for_function("!cable.leads && cable.state.name === 'open'")
    tasks.append(site.new_task(cooper))
    for tab in two_tabs:
        tab.wait_to_hear(tasks)
        assert tab.refetches() == ["start"]
    assert second.leads()
    second.wait_for(lambda: connections_of(site, cooper) == 1)
    # The first one is in the line again.
    second.page.close()
    tasks.append(site.new_task(cooper))
    first.wait_to_hear(tasks)
    assert first.leads()


def test_a_tab_that_waits_for_the_server_does_not_count_as_hanging(site, cooper, open_tab):
    server = site.serve()
    first, second = open_tab(server.url), open_tab(server.url)
    name = f"sync-cable {server.cable_url} NotificationsChannel "
    first.value(
        """(name) => {
            window.asked = 0
            window.overheard = new BroadcastChannel(name)
            overheard.onmessage = ({ data }) => (asked = data.event?.state ? 0 : asked + Boolean(data.ask))
        }""",
        name,
    )
    server.stop()
    # Until it waits for so long between two attempts that it tells of nothing else than that it is there.
    # Two questions without an answer would be the last ones.
    first.page.wait_for_function("asked > 2", timeout=120_000)
    assert (first.leads(), second.leads()) == (True, False)


def test_a_new_tab_hears_what_changed_since_its_state_was_made(site, cooper, open_tab):
    first = open_tab()
    first.wait_to_hear([site.new_task(cooper)])
    position = first.value("cable.position")
    missed = site.new_task(cooper)
    first.wait_to_hear([missed])
    second = open_tab(position=position)
    second.wait_to_hear([missed])
    assert second.refetches() == []
    assert not second.leads()


def test_a_new_tab_whose_position_is_of_no_use_refetches_alone(site, cooper, open_tab):
    first = open_tab()
    second = open_tab(position="another-1515248100000000")
    assert second.refetches() == ["history"]
    assert first.refetches() == ["start"]
    tasks = [site.new_task(cooper)]
    second.wait_to_hear(tasks)
    assert connections_of(site, cooper) == 1


def test_a_reloaded_tab_goes_on_where_it_was(site, cooper, open_tab):
    tab = open_tab()
    tab.wait_to_hear([site.new_task(cooper)])
    tab.page.goto("about:blank")
    missed = [site.new_task(cooper) for _ in range(3)]
    tab.load()
    tab.wait_to_hear(missed)
    assert tab.refetches() == []


# As in an old browser, and in a sandbox.
NO_LOCKS = {
    "unknown": "undefined",
    "forbidden": "{ request: async () => { throw new DOMException('', 'SecurityError') } }",
}


@pytest.mark.parametrize("locks", NO_LOCKS.values(), ids=NO_LOCKS)
def test_without_locks_each_tab_has_its_own_connection(site, server, browser, cooper, locks):
    page = browser.new_page(bypass_csp=True)
    page.context.add_init_script(f"Object.defineProperty(navigator, 'locks', {{ value: {locks} }})")
    tabs = [Tab(each, server.url, cooper) for each in (page, browser.new_window(page))]
    for tab in tabs:
        tab.wait_until_open()
    task = site.new_task(cooper)
    for tab in tabs:
        tab.wait_to_hear([task])
        assert tab.leads()
    assert connections_of(site, cooper) == 2


def test_tabs_of_several_users_do_not_share(site, server, browser, cooper, audrey):
    page = browser.new_page(bypass_csp=True)
    first = Tab(page, server.url, cooper, share="cooper")
    first.wait_until_open()
    second = Tab(browser.new_window(page), server.url, audrey, share="audrey")
    second.wait_until_open()
    first.wait_to_hear([site.new_task(cooper)])
    second.wait_to_hear([site.new_task(audrey)])
    assert (len(first.heard()), len(second.heard())) == (1, 1)


def test_whoever_is_signed_out_is_told_in_each_tab_and_stays_away(site, cooper, two_tabs):
    site.manage("cable_disconnect", "--user", cooper.username)
    first, second = two_tabs
    first.page.wait_for_function("cable.state.name === 'closed'")
    assert first.value("cable.state.reason") == "remote"
    # The other asks for itself: its credentials might be others.
    second.page.wait_for_function("cable.leads && cable.state.name === 'open'")


# Without websockets


class Blocking:
    """The proxy. answer: what it does with an upgrade."""

    def __init__(self, folder, server, answer):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._http = BLOCKING.format(port=self.port, server=server.port, answer=answer)
        self.start()

    def start(self):
        self._child = start_nginx(self._folder, self._http)
        self._child.wait_until_it_answers(self.port)

    def stop(self):
        self._child.stop()


@pytest.fixture(params=["return 403;", "return 444;"], ids=["refused", "closed"])
def blocking(request, tmp_path, server):
    proxy = Blocking(tmp_path, server, request.param)
    yield proxy
    proxy.stop()


def test_where_websockets_are_blocked_events_come_and_nothing_is_missed(site, cooper, open_tab, blocking):
    tab = open_tab(blocking.url)
    assert tab.value("cable.state.transport") == "events"
    tasks = [site.new_task(cooper) for _ in range(3)]
    tab.wait_to_hear(tasks)
    blocking.stop()
    missed = [site.new_task(cooper) for _ in range(3)]
    blocking.start()
    tab.wait_to_hear(tasks + missed)
    assert tab.refetches() == ["start"]


def test_tabs_share_a_stream_as_well(site, cooper, open_tab, blocking):
    first, second = open_tab(blocking.url), open_tab(blocking.url)
    tasks = [site.new_task(cooper)]
    second.wait_to_hear(tasks)
    assert connections_of(site, cooper) == 1
    first.page.close()
    tasks += [site.new_task(cooper) for _ in range(5)]
    second.wait_to_hear(tasks)
    assert second.refetches() == ["start"]
    assert connections_of(site, cooper) == 1
