"""
docs/deployment.md, docs/operations.md and docs/security.md: two servers as the unit starts them, in the
environment of the page, behind the page's nginx and the page's Caddy.
"""

import configparser
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from tests.docs.pages import block
from tests.docs.proxies import HOST, PAGE, PORTS, NamedSocket, caddy, nginx
from tests.support.required import missing
from tests.support.site import new_site
from tests.support.waiting import eventually

OPERATIONS = "docs/operations.md"
PYTHON = "/srv/lessy/.venv/bin/python"
FAREWELL = {"type": "disconnect", "reason": "server_restart", "reconnect": True}


def environment():
    """Of production; the secret, the database and Redis are those of the test."""
    lines = shlex.split(block(OPERATIONS, "sh", "DJANGO_SECRET_KEY=…").text, comments=True)
    return dict(line.split("=", 1) for line in lines)


def unit():
    """The file of the page, its %i left as it is."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(block(PAGE, "ini").text)
    return parser


@pytest.fixture(scope="module")
def production(redis_server):
    ours = {
        name: value
        for name, value in environment().items()
        if name not in ("DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_URL")
    }
    program, script, *words = shlex.split(unit()["Service"]["ExecStart"])
    assert (program, script) == (PYTHON, "manage.py")
    with new_site(redis_server, servers=0, **ours, CABLE_DRAIN_SECONDS="1") as site:
        for _ in range(2):
            site.serve([word.replace("%i", "{port}") for word in words])
        yield site


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request, production, tmp_path_factory):
    ports = [server.port for server in production.servers]
    with request.param(tmp_path_factory.mktemp("proxy"), ports) as proxy:
        yield proxy


@pytest.fixture
def person(production):
    return production.new_person()


def test_the_environment_leaves_the_deployment_check_nothing_to_say(production):
    assert "no issues" in production.manage("check", "--deploy", "--fail-level", "WARNING")


def test_a_page_and_its_socket_come_through_the_proxy(production, proxy, person):
    answer = proxy.get("/")
    assert answer.status_code == 200, answer.headers
    assert "strict-transport-security" in answer.headers
    with proxy.connect(token=person.token) as socket:
        socket.subscribe()
        task = production.new_task(person)
        assert socket.message() == {"action": "create#tasks", "id": task}


def sockets(production):
    """How many each process has; those without any last."""
    said = json.loads(production.manage("cable_stats", "--json", "--wait", "1"))
    return sorted((process["connections"] for process in said["processes"]), reverse=True)


@contextmanager
def one_on_each(production, proxy, person):
    """Two sockets. A proxy sends nobody to a server that has just started, until it has looked again."""
    eventually(lambda: sockets(production) == [0, 0], 30, "the end of other tests' sockets")
    while True:
        with proxy.connect(token=person.token) as one, proxy.connect(token=person.token) as two:
            if sockets(production) == [1, 1]:
                yield one, two
                return


def test_a_restart_of_one_process_is_survived_by_the_others(production, proxy, person):
    """Each of two sockets is told to come back, or stays; and there is a server for whoever comes."""
    server = production.servers[0]
    with one_on_each(production, proxy, person) as (one, two):
        one.subscribe()
        two.subscribe()
        server.stop()
        told = []
        try:
            for _ in range(4):
                with proxy.connect(token=person.token) as socket:
                    socket.subscribe()
                    task = production.new_task(person)
                    assert socket.message() == {"action": "create#tasks", "id": task}
                assert proxy.get("/").status_code == 200
        finally:
            server.start()
        for socket in (one, two):
            frame = socket.frame()
            told.append(frame if "type" in frame else "stays")
    assert sorted(told, key=str) in ([FAREWELL, "stays"], ["stays", FAREWELL])


def test_behind_nginx_whoever_comes_during_a_drain_is_welcomed_by_another(production, person, tmp_path):
    """The drain lasts for as long as it has farewells to spread: ten sockets."""
    server = production.servers[0]
    with nginx(tmp_path, [each.port for each in production.servers]) as proxy, ExitStack() as open_sockets:
        for _ in range(10):
            open_sockets.enter_context(NamedSocket(server.port, token=person.token))
        server.child.signal(signal.SIGTERM)
        came = 0
        while server.child.running:
            proxy.connect(token=person.token).close()
            came += 1
    server.start()
    assert came


def test_e10_nginx_logs_the_handshake_and_no_token(production, person, tmp_path):
    ports = [server.port for server in production.servers]
    with nginx(tmp_path, ports, "access_log /dev/stderr;") as proxy:
        offered = ["actioncable-v1-json", f"anycable-token.{person.token}"]
        proxy.connect(token=person.token, subprotocols=offered).close()
        eventually(lambda: "GET /cable HTTP/1.1" in proxy.child.log, 10, "the line of the handshake")
        for part in person.token.split(".")[1:]:
            assert part not in proxy.child.log


def test_e10_caddys_log_has_the_handshake_and_no_token(production, person, tmp_path):
    ports = [server.port for server in production.servers]
    with caddy(tmp_path, ports, block("docs/security.md", "caddy").text) as proxy:
        offered = ["actioncable-v1-json", f"anycable-token.{person.token}"]
        with proxy.connect(token=person.token, subprotocols=offered) as socket:
            assert socket.subprotocol == offered[0]
        eventually(lambda: '"uri":"/cable"' in proxy.child.log, 10, "the line of the handshake")
        for part in person.token.split(".")[1:]:
            assert part not in proxy.child.log


def test_an_upgrade_restarts_each_process_and_waits_for_it(production, tmp_path):
    """The page's loop, with a systemctl that notes what it is told; the servers say that they are ready."""
    shutil.which("curl") or missing("curl")
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/told\n')
    systemctl.chmod(0o755)
    line = block(PAGE, "sh", "systemctl").text
    ports = [str(server.port) for server in production.servers]
    for of_the_page, here in zip(PORTS, ports, strict=True):
        line = line.replace(of_the_page, here)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.count('"status": "ok"') == 2, done
    assert (tmp_path / "told").read_text() == "".join(f"restart lessy@{port}\n" for port in ports)


def test_by_hand_a_server_is_started_as_by_the_unit(production):
    migrate, serve = block(OPERATIONS, "sh", "serve --bind").text.splitlines()
    production.manage(*migrate.split()[2:])
    assert serve.split()[1:] == shlex.split(unit()["Service"]["ExecStart"].replace("%i", "8000"))[1:]


def test_cable_check_says_what_the_page_shows(production):
    shown = block(OPERATIONS, "text", "answers; its epoch").text
    said = production.manage("cable_check", "--url", production.servers[0].cable_url)
    assert steps(said) == steps(shown)


def steps(table):
    """What became of each step."""
    return [line.split()[:2] for line in table.splitlines() if line]


def test_systemd_has_nothing_to_say_of_the_unit(tmp_path):
    systemd = shutil.which("systemd-analyze") or missing("systemd-analyze")
    text = block(PAGE, "ini").text.replace(PYTHON, sys.executable)
    (tmp_path / "lessy@.service").write_text(text)
    verify = [systemd, "verify", "--man=no", tmp_path / "lessy@8001.service"]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_waits_for_longer_than_a_drain_takes():
    from lessy import settings

    assert float(unit()["Service"]["TimeoutStopSec"]) > settings.CABLE["SERVER"]["DRAIN_SECONDS"] + 5


def test_the_host_of_the_pages_is_one():
    assert environment()["DJANGO_ALLOWED_HOSTS"] == HOST
