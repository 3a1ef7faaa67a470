"""The blocks of docs/clients.md and of the README, each in what it is written for, with a real server."""

import json
import re
import shutil
import threading
from urllib.parse import urlsplit

import pytest

from lessy.web.libraries import MODULES, PREFIX
from notifications.client import Refused
from tests.clients.drivers import HERE, Client
from tests.docs.asyncapi import LISTEN, names_of
from tests.docs.consoles import Console
from tests.docs.pages import block, blocks
from tests.support.cable import CableSocket, confirmed
from tests.support.required import missing
from tests.support.site import ROOT
from tests.support.waiting import eventually

PAGE = "docs/clients.md"
RAILS = block(PAGE, "js", "document.cookie")
ANYCABLE = block(PAGE, "js", "createCable({")
ELSEWHERE_RAILS = block(PAGE, "js", "addSubProtocol")
ELSEWHERE_ANYCABLE = block(PAGE, "js", "tokenRefresher")
NATIVE = block(PAGE, "js", "adapters.WebSocket")
PYTHON = block(PAGE, "python", "websockets.sync")
OUR_PYTHON = block(PAGE, "python", "sync_cable.client")
README = block("README.md", "js")

# What a block calls and leaves to its reader; each prints its name and what it was called with.
READERS = """
const told = (name) => (...args) => console.log(JSON.stringify({ event: name, args }))
const refetch = told("refetch")
const refetchAll = told("refetchAll")
const refetchWhatMayHaveChanged = told("refetchWhatMayHaveChanged")
const newToken = async () => (told("newToken")(), laterToken)
"""
ELSEWHERE = "https://app.example"
HTML = """
<script type="importmap">{imports}</script>
<script>const token = "{token}", laterToken = "{later_token}"; {readers}</script>
<script type="module">{block}</script>
"""


class Try(Console):
    """A page of the server's origin that consists of one block. sent: the frames of its sockets."""

    def __init__(self, page, server, person, block, later=None):
        super().__init__(page)
        self.sent = []
        page.on("websocket", lambda socket: socket.on("framesent", self._note))
        imports = {name: f"/static/{PREFIX}/{module}" for name, module in MODULES.items()}
        html = HTML.format(
            imports=json.dumps({"imports": imports}),
            token=person.token,
            later_token=later.token if later else "",
            readers=READERS,
            block=block.text.replace("wss://lessy.example/cable", server.cable_url),
        )
        self._show(html, server)

    def _show(self, html, server):
        # Any page of this origin. Its policy, which allows no script, is not a reader's: it is bypassed.
        self.page.goto(f"{server.url}/health/live")
        self.page.set_content(html)

    def _note(self, text):
        self.sent.append(text)

    def wait_to_be_told(self, event, *args):
        wanted = {"event": event, "args": list(args)}
        self.wait_for(lambda: wanted in self.objects())

    def wait_for_a_task(self, site, person, shown):
        """New ones are made until one is shown: of some blocks nobody hears when they have subscribed."""
        tasks = []

        def made():
            tasks.append(site.new_task(person))
            self.page.wait_for_timeout(100)
            return any(shown(task) for task in tasks)

        self.wait_for(made)
        return tasks


class TryElsewhere(Try):
    """A page of another site, of which nothing but the libraries' files is the server's."""

    def _show(self, html, server):
        self.page.route(f"{ELSEWHERE}/", lambda route: route.fulfill(body=html, content_type="text/html"))
        self.page.route(
            f"{ELSEWHERE}/static/**",
            lambda route: route.fulfill(
                response=route.fetch(url=route.request.url.replace(ELSEWHERE, server.url))
            ),
        )
        self.page.goto(f"{ELSEWHERE}/")


def described(frames):
    """The names that docs/asyncapi.json has for what a client sent; exactly one for each."""
    names = [names_of(text, LISTEN) for text in frames]
    assert all(len(each) == 1 for each in names), frames
    return {name for [name] in names}


def with_cookie(page, server, person):
    page.context.add_cookies([{"name": "Authorization", "value": person.token, "url": server.url}])
    return page


def test_rails_client_refetches_what_it_is_told_of(site, server, cooper, browser):
    tried = Try(browser.new_page(bypass_csp=True), server, cooper, RAILS)
    tried.wait_to_be_told("refetchWhatMayHaveChanged")
    task = site.new_task(cooper)
    tried.wait_to_be_told("refetch", "create#tasks", task, None)
    tried.wait_to_be_told("refetch", "update#tasks", task, site.touch(task))
    assert described(tried.sent) == {"subscribe"}


def test_anycables_client_resumes_and_is_told_when_it_cannot(site, server, cooper, browser):
    tried = Try(with_cookie(browser.new_page(bypass_csp=True), server, cooper), server, cooper, ANYCABLE)

    def refetched(task):
        return {"event": "refetch", "args": ["create#tasks", task, None]} in tried.objects()

    tried.wait_for_a_task(site, cooper, refetched)
    site.manage("cable_renew_epoch")
    site.manage("cable_disconnect", "--user", cooper.username, "--reconnect")
    tried.wait_for(lambda: any(each["event"] == "refetchAll" for each in tried.objects()), seconds=30)
    assert described(tried.sent) == {"subscribe"}
    assert '"epoch"' in tried.sent[-1]


@pytest.fixture
def open_server(site):
    """Of a site whose pages are another's."""
    server = site.serve(CABLE_SUBPROTOCOL_TOKEN="on", CABLE_ALLOWED_ORIGINS=ELSEWHERE)
    yield server
    server.stop()


@pytest.mark.parametrize("block", [ELSEWHERE_RAILS, ELSEWHERE_ANYCABLE], ids=["rails", "anycable"])
def test_e10_a_page_of_another_site_offers_its_token(site, open_server, cooper, browser, block):
    tried = TryElsewhere(browser.new_page_of(ELSEWHERE), open_server, cooper, block)

    def refetched(task):
        return {"event": "refetch", "args": ["create#tasks", task, None]} in tried.objects()

    tried.wait_for_a_task(site, cooper, refetched)
    assert described(tried.sent) == {"subscribe"}


def test_e10_a_page_without_a_library_offers_its_token_so(open_server, cooper, browser):
    """The sentence of the page."""
    [line] = re.findall(r"`(new WebSocket\(.*?\))`", (ROOT / PAGE).read_text())
    page = browser.new_page_of(ELSEWHERE)
    page.goto(f"{ELSEWHERE}/")
    selected = page.evaluate(
        f"([url, token]) => new Promise((done) => {{ const socket = {line}; socket.onclose = done;"
        " socket.onmessage = ({ data }) => done([socket.protocol, data]) })",
        [open_server.cable_url, cooper.token],
    )
    assert selected == ["actioncable-v1-json", '{"type":"welcome"}']


def test_the_five_lines_of_the_readme_hear(site, server, cooper, browser):
    tried = Try(with_cookie(browser.new_page(bypass_csp=True), server, cooper), server, cooper, README)
    tried.wait_for_a_task(site, cooper, lambda task: f"create#tasks {task} undefined" in tried.said)


@pytest.fixture
def native(tmp_path, server, cooper):
    """The block in Node, which has as little of a browser as React Native has; the socket takes headers."""
    node = shutil.which("node") or missing("node")
    library = HERE / "node_modules/actioncable-8.1/app/assets/javascripts/actioncable.esm.js"
    if not library.exists():
        missing("@rails/actioncable (with make setup)")
    package = tmp_path / "node_modules/@rails/actioncable"
    package.mkdir(parents=True)
    shutil.copy(library, package / "index.js")
    (package / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    url = urlsplit(server.cable_url)._replace(scheme="ws").geturl()
    text = NATIVE.text.replace("wss://lessy.example/cable", url)
    (tmp_path / "block.mjs").write_text(f"const token = {json.dumps(cooper.token)}\n{READERS}\n{text}")
    (tmp_path / "start.mjs").write_text(
        f'import WebSocket from "{HERE}/node_modules/ws/wrapper.mjs"\n'
        "Object.assign(globalThis, { self: globalThis, window: globalThis, WebSocket })\n"
        'await import("./block.mjs")\n'
    )
    with Client("React Native's", [node, tmp_path / "start.mjs"]) as client:
        yield client


def test_react_natives_client_brings_its_token_in_a_header(site, cooper, native):
    native.wait_for("refetchWhatMayHaveChanged")
    task = site.new_task(cooper)
    native.wait_for("refetch")
    assert native.events[1] == {"event": "refetch", "args": ["create#tasks", task, None]}


@pytest.mark.parametrize("language", ["swift", "kotlin"])
def test_the_frames_of_a_block_that_is_not_compiled_are_those_of_the_protocol(site, server, cooper, language):
    text = block(PAGE, language).text
    assert re.search(r'"Bearer \\?\(?\$?token\)?"', text)
    assert '"Authorization"' in text
    subprotocol = re.search(r'"(actioncable-[\w-]+)"', text)[1]
    frame = re.search(r'\{"command".*\}"\}', text)[0]
    headers = {"Authorization": f"Bearer {cooper.token}"}
    with CableSocket(server.cable_url, headers=headers, subprotocols=[subprotocol]) as socket:
        assert socket.subprotocol == subprotocol
        socket.socket.send(frame)
        assert socket.frame() == confirmed(json.loads(frame)["identifier"])
        task = site.new_task(cooper)
        assert socket.message() == {"action": "create#tasks", "id": task}


def test_pythons_client_hears(site, server, cooper):
    names = {}
    exec(PYTHON.text, names)
    heard = []
    listening = threading.Thread(
        target=lambda: heard.extend(first_of(names["notifications"](server.cable_url, cooper.token)))
    )
    listening.start()
    sent = []
    while listening.is_alive():
        sent.append(site.new_task(cooper))
        listening.join(0.1)
    assert heard[0]["action"] == "create#tasks"
    assert heard[0]["id"] in sent


def test_our_own_of_python_hears(site, server, cooper):
    told = []
    names = {
        "refetch_all": lambda reason: told.append(reason),
        "refetch": lambda *change: told.append(change),
    }
    # Here the app is the folder notifications.
    exec(OUR_PYTHON.text.replace("sync_cable.client", "notifications.client"), names)

    def follow():
        with pytest.raises(Refused, match="remote"):
            names["follow"](server.cable_url, cooper.token)

    listening = threading.Thread(target=follow, daemon=True)
    listening.start()
    eventually(lambda: told == ["start"], 15)
    task = site.new_task(cooper)
    at = site.touch(task)
    eventually(lambda: told[1:] == [("tasks", task, None), ("tasks", task, at)], 15, "the changes")
    site.manage("cable_disconnect", "--user", cooper.username)
    listening.join(15)
    assert not listening.is_alive()


def first_of(found):
    for each in found:
        found.close()
        return [each]


def test_no_block_of_the_page_is_left_out():
    javascript = [RAILS, ANYCABLE, ELSEWHERE_RAILS, ELSEWHERE_ANYCABLE, NATIVE]
    tried = [*javascript, *(block(PAGE, name) for name in ("swift", "kotlin"))]
    tried += [OUR_PYTHON, PYTHON, block(PAGE, "sh")]
    assert tried == blocks(PAGE)
