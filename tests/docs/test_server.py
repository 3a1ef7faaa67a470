"""docs/server.md, as a reader follows it who has built docs/plugging-in.md: gunicorn, the cable, nginx."""

import shlex
from dataclasses import fields

import httpx
import pytest

from notifications.conf import ServerSettings
from tests.docs.newcomer import PASSWORD, Project, token_of
from tests.docs.pages import blocks
from tests.docs.proxies import start_nginx
from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.site import ROOT
from tests.support.waiting import eventually

PAGE = "docs/server.md"
RESTART = {"type": "disconnect", "reason": "server_restart", "reconnect": True}


class Site(Project):
    """One of sessions, and then this page."""

    def _build(self, chapters):
        super()._build(chapters)
        for each in blocks(PAGE, "python"):
            self._write(each)
        self.children = []

    def start(self, line, port):
        """A line of the page, at another port."""
        words = shlex.split(line)
        address = words.index("--bind") + 1
        words[address] = f"127.0.0.1:{port}"
        child = Child(words, env=self.env, cwd=self.folder)
        self.children.append(child)
        child.wait_until_it_answers(port)
        return child

    def close(self):
        for child in self.children:
            child.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory, installed_cable, redis_server):
    found = Site(tmp_path_factory.mktemp("served"), installed_cable, redis_server, tokens=False)
    yield found
    found.close()


def lines(section):
    [found] = [each for each in blocks(PAGE, "sh") if each.section == section]
    return found.text.splitlines()


def hears_of_what_it_saves(site, url):
    """By the admin's form at this address, with the socket at the same."""
    with httpx.Client(base_url=url) as client:
        client.get("/admin/login/")
        form = {"username": "laura", "password": PASSWORD, "next": "/admin/"}
        assert client.post("/admin/login/", data=form | token_of(client)).status_code == 302
        cookie = f"sessionid={client.cookies['sessionid']}"
        with CableSocket(url.replace("http", "ws", 1) + "/cable", headers={"Cookie": cookie}) as socket:
            socket.subscribe()
            with site.shell() as shell:
                book = shell("from library.models import Book; result = Book.objects.create(reader_id=1).pk")
            while socket.message() != {"action": "create#books", "id": book}:
                pass


def test_the_project_is_served(site):
    [line] = lines("Serve the project")
    child = site.start(line, site.port)
    hears_of_what_it_saves(site, site.url)
    eventually(lambda: httpx.get(f"{site.url}/health/ready").status_code == 200, 30, "its readiness")
    assert "GET /admin/login/ 200" in child.log
    for check in lines("Does it work?"):
        said = site.run(check.replace(":8000", f":{site.port}"))
        assert [line.split()[0] for line in said.splitlines()] == ["ok"] * 7, said
    assert child.stop() == 0


@pytest.fixture
def without_asgi(site, tmp_path):
    """The other tests get their asgi.py back, whatever the order."""
    file, away = site.folder / "mysite/asgi.py", tmp_path / "asgi.py"
    file.rename(away)
    yield
    away.rename(file)


@pytest.mark.usefixtures("without_asgi")
def test_gunicorn_keeps_http_and_one_process_serves_the_cable(site, tmp_path):
    gunicorn, cable = lines("Keep gunicorn or uWSGI for HTTP")
    http_port, cable_port, port = free_port(), free_port(), free_port()
    site.start(gunicorn, http_port)
    site.start(cable, cable_port)
    [block] = blocks(PAGE, "nginx")
    locations = block.text.replace(":8000", f":{http_port}").replace(":8001", f":{cable_port}")
    proxy = start_nginx(tmp_path, f"server {{ listen 127.0.0.1:{port}; {locations} }}")
    site.children.append(proxy)
    proxy.wait_until_it_answers(port)
    hears_of_what_it_saves(site, f"http://127.0.0.1:{port}")
    # Of the process of the cable, to who has no session; gunicorn has no such path.
    answer = httpx.get(f"http://127.0.0.1:{port}/cable/events")
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready").json() == {"status": "ok", "database": True}
    assert httpx.get(f"http://127.0.0.1:{cable_port}/health/ready").json()["broker"] is True
    assert httpx.get(f"http://127.0.0.1:{cable_port}/admin/login/").status_code == 404


def test_every_setting_is_in_the_table():
    text = (ROOT / PAGE).read_text()
    assert [each.name for each in fields(ServerSettings) if f"`{each.name.upper()}`" not in text] == []
