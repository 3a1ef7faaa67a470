"""
docs/tenants.md, as a reader follows it who has built docs/plugging-in.md: one process and two tenants, each
with a user 1 and a book 1.
"""

import socket
import sys
from itertools import count
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.docs.newcomer import PASSWORD, Project, token_of, until_disconnected
from tests.docs.pages import blocks
from tests.support.cable import CableSocket
from tests.support.shell import Shell

PAGE = "docs/tenants.md"
TENANTS = ("acme", "umbrella")
numbers = count(1)
REMOTE = {"type": "disconnect", "reason": "remote", "reconnect": False}


class TenantSocket(CableSocket):
    """By the tenant's host, which need not resolve."""

    @staticmethod
    def _connect(url, headers, origin, subprotocols):
        here = socket.create_connection(("127.0.0.1", urlsplit(url).port))
        options = {"additional_headers": headers, "subprotocols": list(subprotocols), "close_timeout": 2}
        return connect(url, sock=here, compression=None, ping_interval=None, proxy=None, **options)


class Tenants(Project):
    """One of sessions, and then this page."""

    def _build(self, chapters):
        super()._build(chapters)
        for each in blocks(PAGE, "python"):
            self._write(each)
        for each in blocks(PAGE, "sh"):
            for line in each.text.splitlines():
                self.run(line)

    def shell_of(self, tenant):
        return Shell(
            [sys.executable, self.folder / "manage.py"], {**self.env, "TENANT": tenant}, cable="sync_cable"
        )

    def host_of(self, tenant):
        return f"{tenant}.localhost:{self.port}"

    def session_of(self, tenant):
        """Of laura there, by the admin's form."""
        with httpx.Client(base_url=self.url, headers={"Host": self.host_of(tenant)}) as client:
            client.get("/admin/login/")
            form = {"username": "laura", "password": PASSWORD, "next": "/admin/"}
            answer = client.post("/admin/login/", data=form | token_of(client))
            assert answer.status_code == 302, answer.text
            return client.cookies["sessionid"]

    def socket_of(self, tenant, session=None, **options):
        cookie = f"sessionid={session or self.session_of(tenant)}"
        return TenantSocket(f"ws://{self.host_of(tenant)}/cable", headers={"Cookie": cookie}, **options)


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed_cable, redis_server):
    found = Tenants(tmp_path_factory.mktemp("tenants"), installed_cable, redis_server, tokens=False)
    child = found.serve()
    yield found
    child.stop()


@pytest.fixture(scope="module")
def shells(project):
    with project.shell_of("acme") as acme, project.shell_of("umbrella") as umbrella:
        yield {"acme": acme, "umbrella": umbrella}


@pytest.fixture
def sockets(project):
    """Of user 1 of each tenant, subscribed."""
    with project.socket_of("acme") as acme, project.socket_of("umbrella") as umbrella:
        acme.subscribe()
        umbrella.subscribe()
        yield {"acme": acme, "umbrella": umbrella}


def new_book(shells, tenant):
    """Of a number that no other test and tenant has: a catch-up may tell of theirs at any moment."""
    pk = next(numbers)
    shells[tenant](f'Book.objects.create(pk={pk}, reader_id=1, title="Dune")')
    return pk


def heard(opened):
    """What came so far: commands run in order. Raises AssertionError if the socket was told to go."""
    opened.command("subscribe", f'{{"channel":"NotificationsChannel","number":{next(numbers)}}}')
    frames = opened.until("confirm_subscription")
    assert all("message" in frame for frame in frames)
    return [frame["message"] for frame in frames]


@pytest.mark.parametrize(("here", "there"), [TENANTS, TENANTS[::-1]])
def test_d4_what_a_tenant_saves_reaches_none_of_another(shells, sockets, here, there):
    book = new_book(shells, here)
    while sockets[here].message() != {"action": "create#books", "id": book}:
        pass
    assert {"action": "create#books", "id": book} not in heard(sockets[there])


@pytest.mark.parametrize(("here", "there"), [TENANTS, TENANTS[::-1]])
def test_d4_what_was_missed_is_read_from_the_own_tables_alone(project, shells, here, there):
    """A resume, in the threads of the hub."""
    now = shells[here]("import time; result = int(time.time())")
    book = new_book(shells, here)
    identifier = f'{{"channel":"NotificationsChannel","since":{now}}}'
    for tenant, expected in ((here, True), (there, False)):
        with project.socket_of(tenant) as opened:
            opened.subscribe(identifier)
            assert ({"action": "create#books", "id": book} in heard(opened)) is expected


def test_d4_an_order_ends_the_sockets_of_one_tenant(project, sockets):
    said = project.run("env TENANT=acme python manage.py cable_disconnect --user laura")
    assert said == "closed 1 socket on 1 process\n"
    assert until_disconnected(sockets["acme"]) == REMOTE
    heard(sockets["umbrella"])  # it goes on


def test_d4_a_session_of_one_tenant_opens_no_socket_of_another(project):
    session = project.session_of("acme")
    with project.socket_of("umbrella", session, welcomed=False) as refused:
        assert refused.frame()["reason"] == "unauthorized"


def test_d4_each_tenant_counts_its_own_sockets(project, sockets):
    for tenant in TENANTS:
        said = project.run(f"env TENANT={tenant} python manage.py cable_stats")
        assert "1 processes, 1 connections, 1 subscriptions" in said


def test_d4_a_host_of_nobodys_gets_no_socket(project):
    refused = httpx.get(f"{project.url}/admin/", headers={"Host": "nobody.localhost"})
    assert refused.status_code == 404
    with pytest.raises(InvalidStatus, match="403"):
        project.socket_of("nobody", "none")


def test_d4_the_project_passes_the_checks(project):
    assert "no issues" in project.run("env TENANT=acme python manage.py check")
    assert "no issues" in project.run("python manage.py check")
