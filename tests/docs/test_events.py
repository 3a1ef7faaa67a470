"""docs/events.md, as a reader follows it who has built docs/state.md, served: by the browser and by curl."""

import re
import shlex
import shutil
import subprocess

import httpx
import pytest

from notifications.handshake.refusals import STATUS
from notifications.wire import event_stream
from tests.docs.newcomer import PASSWORD, served
from tests.docs.pages import block
from tests.docs.proxies import caddy, nginx
from tests.docs.test_state import START, State
from tests.support.event_stream import EventSource, as_a_browser
from tests.support.required import missing
from tests.support.site import ROOT, new_site

PAGE = "docs/events.md"
TEXT = (ROOT / PAGE).read_text()


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed_cable, redis_server):
    built = State(tmp_path_factory.mktemp("events"), installed_cable, redis_server, tokens=False)
    with served(built, START) as found:
        yield found


def new_book(project):
    return project.type('result = Book.objects.create(reader_id=1, title="Dune").pk')


def test_a_browser_hears_and_is_told_to_load_again(project, browser):
    page = browser.new_page()
    page.goto(f"{project.url}/admin/")
    page.fill("#id_username", "laura")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    page.evaluate(
        f"""() => {{
            window.shown = []; window.loads = 0;
            const show = (change) => shown.push(change.id), load = () => loads++;
            {block(PAGE, "js").text}
            window.listen = listen
        }}"""
    )
    page.evaluate("() => fetch('/cable/changes').then((a) => listen(a.headers.get('Cable-Position')))")
    book = new_book(project)
    page.wait_for_function(f"shown.includes({book})")
    page.evaluate("() => { listen('of-no-use') }")
    page.wait_for_function("loads === 1")


def test_curl_shows_what_the_page_shows(project):
    shutil.which("curl") or missing("curl")
    with project.logged_in() as laura:
        line = block(PAGE, "sh").text.replace("$SESSION", laura.cookies["sessionid"])
    words = shlex.split(line.replace(":8000", f":{project.port}"))
    with subprocess.Popen([*words, "--silent"], stdout=subprocess.PIPE, text=True) as process:
        heard = [process.stdout.readline() for _ in range(3)]
        new_book(project)
        while not ("data: " in "".join(heard) and ": ping" in "".join(heard) and heard[-1] == "\n"):
            heard.append(process.stdout.readline())
        process.terminate()
    shown = block(PAGE, "text").text
    # Of a row that a pass finds first, it tells an update as well.
    more = {'data: {"action":"update#books","id":…,"updatedAt":…}\n'}
    assert kinds(heard) - more == kinds(shown.splitlines(keepends=True))


def kinds(lines):
    return {re.sub(r"[A-Za-z0-9_-]{12}-|[0-9]+", "…", line) for line in lines}


@pytest.mark.parametrize("proxy", [nginx, caddy], ids=["nginx", "caddy"])
def test_the_proxies_of_the_deployment_page_pass_each_event_on_at_once(redis_server, tmp_path, proxy):
    """The next one comes only when this one was heard."""
    production = {"DJANGO_ALLOWED_HOSTS": "lessy.example", "LESSY_TRUSTED_PROXIES": "1"}
    with new_site(redis_server, servers=2, **production) as site:
        person = site.new_person()
        with proxy(tmp_path, [server.port for server in site.servers]) as front:
            url = f"https://127.0.0.1:{front.port}/cable/events"
            named = {"sni_hostname": "lessy.example"}
            with EventSource(
                url,
                verify=front.context,
                headers=as_a_browser(person.token, Host="lessy.example"),
                extensions=named,
            ) as stream:
                stream.opened()
                for _ in range(3):
                    task = site.new_task(person)
                    assert stream.message() == {"action": "create#tasks", "id": task}


def test_the_statuses_and_reasons_are_those_of_the_code():
    rows = {int(status) for status in re.findall(r"^\| (\d{3}) \|", TEXT, re.MULTILINE)}
    assert rows == {200, *STATUS.values()}
    for reason in {*STATUS, event_stream.POSITION, event_stream.REPLAY_LIMIT} - {"no_tenant"}:
        assert f'"{reason}"' in TEXT


def test_without_a_session_there_is_none(project):
    assert httpx.get(f"{project.url}/cable/events").status_code == 401
