"""
docs/from-rails.md: one client, unchanged, hears the same from the real Action Cable of Debian's Rails
and from ours, both behind the page's nginx.
"""

import json
import shutil
import subprocess
from contextlib import ExitStack
from itertools import groupby

import pytest
import yaml
from redis import Redis

from tests.clients.drivers import node_client
from tests.docs.pages import block
from tests.docs.proxies import start_nginx
from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.required import missing
from tests.support.site import ROOT

PAGE = "docs/from-rails.md"
RAILS, OURS = "/cable", "/cable-next"

HTTP = """
upstream rails {{ server 127.0.0.1:{rails}; }}
upstream cable {{ server 127.0.0.1:{ours}; }}
server {{
    listen 127.0.0.1:{port};
    {locations}
}}
"""


@pytest.fixture(scope="module")
def rails(redis_server):
    """Its port."""
    query = ["dpkg-query", "-W", "ruby-actioncable", "ruby-redis"]
    puma = shutil.which("puma")
    if puma is None or subprocess.run(query, capture_output=True, check=False).returncode:
        missing("Action Cable (ruby-actioncable, ruby-redis and puma)")
    port = free_port()
    command = [puma, "-q", "-e", "production", "-b", f"tcp://127.0.0.1:{port}", "benchmarks/servers/rails.ru"]
    child = Child(command, env={"PATH": "/usr/bin:/bin", "REDIS_URL": redis_server.url}, cwd=ROOT)
    child.wait_until_it_answers(port)
    yield port
    child.stop()


@pytest.fixture(scope="module")
def proxy(rails, site, tmp_path_factory):
    """The URL of the two servers, without their paths."""
    port = free_port()
    locations = block(PAGE, "nginx").text
    http = HTTP.format(rails=rails, ours=site.servers[0].port, port=port, locations=locations)
    child = start_nginx(tmp_path_factory.mktemp("nginx"), http)
    child.wait_until_it_answers(port)
    yield f"ws://127.0.0.1:{port}"
    child.stop()


def publish(site, rails_redis, person):
    """A new task, which ours announces by itself; and for Rails as its broadcast puts it on Redis."""
    message = {"action": "create#tasks", "id": site.new_task(person)}
    rails_redis.publish(f"user.{person.pk}", json.dumps(message, separators=(",", ":")))
    return message


@pytest.fixture
def rails_redis(redis_server):
    with Redis.from_url(redis_server.url) as redis:
        yield redis


@pytest.mark.parametrize("package", ["actioncable-5.2", "actioncable-6.1", "actioncable-8.1"])
def test_a_client_hears_the_same_from_rails_and_from_ours(site, proxy, rails_redis, cooper, package):
    with ExitStack() as running:
        clients = [
            running.enter_context(node_client(package, proxy + path, cooper.token)) for path in (RAILS, OURS)
        ]
        for client in clients:
            client.do("subscribe")
            client.wait_for("connected")
        for _ in range(3):
            message = publish(site, rails_redis, cooper)
            for client in clients:
                client.wait_to_receive(message)
        heard = [story(client) for client in clients]
    assert heard[0] == heard[1]
    assert [event["event"] for event in heard[0]] == ["socket", "connected", *["received"] * 3]


def story(client):
    """What happened to it, wherever; what it knew and was told of once more is no news."""
    events = [{key: value for key, value in each.items() if key != "address"} for each in client.events]
    return [event for event in events if event.get("message", {}).get("action") != "update#tasks"]


def test_every_frame_is_the_same_byte_for_byte(site, proxy, rails_redis, cooper):
    heard = []
    with (
        CableSocket(proxy + RAILS, token=cooper.token) as theirs,
        CableSocket(proxy + OURS, token=cooper.token) as ours,
    ):
        sockets = (theirs, ours)
        assert theirs.subprotocol == ours.subprotocol == "actioncable-v1-json"
        for socket in sockets:
            socket.subscribe()
        message = publish(site, rails_redis, cooper)
        for socket in sockets:
            assert socket.message() == message
            while not any('"ping"' in text for text in socket.texts):
                socket.text()
            heard.append(once([shape(text) for text in socket.texts if '"update#' not in text]))
    assert heard[0] == heard[1]


def shape(text):
    """The text; of a ping with no time in it, which is another for each server."""
    frame = json.loads(text)
    return text.replace(str(frame["message"]), "…") if frame.get("type") == "ping" else text


def once(texts):
    """Pings come when they come: of each text one, sorted."""
    return [text for text, _ in groupby(sorted(texts))]


def test_the_settings_are_those_of_the_cable_yml():
    theirs = yaml.safe_load(block(PAGE, "yaml").text)["production"]
    names = {}
    exec(block(PAGE, "python").text, names)
    configured = names["CHANNEL_LAYERS"]["default"]["CONFIG"]
    assert configured == {"hosts": [theirs["url"]], "prefix": theirs["channel_prefix"]}
