"""docs/redis.md, tried: TLS, a user with the least rights, Sentinel and Cluster, each a real redis-server."""

import json
import random
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from lessy.ground import sentinel
from tests.docs.pages import block
from tests.end_to_end.test_commands import receiving
from tests.support.databases import fresh_database
from tests.support.processes import Child, free_port
from tests.support.redis import binary
from tests.support.site import Site
from tests.support.waiting import eventually

PAGE = "docs/redis.md"
COUNTED = "from django.core.cache import cache; cache.set('a', 1, 9); result = cache.incr('a')"
FAILOVER_SECONDS = 60
# Not a minute: that one may end between two attempts.
TEN_A_DAY = {"LESSY_THROTTLES": "on", "LESSY_THROTTLE_LOGIN_ACCOUNT": "10/day"}


@contextmanager
def redis_node(*options, port=None, tls=()):
    """A redis-server with these options besides; it keeps nothing. tls: it listens by TLS alone."""
    port = str(port or free_port())
    listening = ["--port", "0", "--tls-port", port, *map(str, tls)] if tls else ["--port", port]
    words = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    # A replica writes what it was sent.
    with tempfile.TemporaryDirectory(prefix="lessy-redis-") as folder:
        child = Child([binary(), *listening, *words, "--dir", folder, *options])
        try:
            child.wait_until_it_answers(int(port))
            yield SimpleNamespace(port=port, url=f"redis://127.0.0.1:{port}/0", child=child)
        finally:
            child.stop()


@contextmanager
def site_on(url, **env):
    with fresh_database() as database:
        found = Site(database, SimpleNamespace(url=url), **env)
        try:
            found.serve()
            yield found
        finally:
            found.close()


def everything_works(site):
    """From one process to another: a change, an order, and the counters of the throttles."""
    server, person = site.servers[0], site.new_person()
    server.wait_for_log("the broker answers")
    checked = json.loads(site.manage("cable_check", "--json", "--url", server.cable_url))
    assert checked["ok"], checked
    with server.connect(person) as socket:
        socket.subscribe()
        task = site.new_task(person)
        assert socket.message() == {"action": "create#tasks", "id": task}
        words = ["--json", "--wait", "20", "--user", person.username]
        done = json.loads(site.manage("cable_disconnect", *words))
        assert done["sockets"] == 1
    assert site.shell(COUNTED) == 2


def certificate_of(folder):
    """Self-signed: the certificate and its key."""
    certificate, key = folder / "redis.crt", folder / "redis.key"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, *names, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


def on_the_page(language, words):
    """The value that the page gives REDIS_URL, or the command that it shows."""
    return block(PAGE, language, words).text.strip().removeprefix("REDIS_URL=")


def test_22_a_redis_with_tls(tmp_path):
    certificate, key = certificate_of(tmp_path)
    tls = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    with redis_node(tls=tls) as node:
        url = on_the_page("sh", "rediss://").replace("redis.example:6379", f"localhost:{node.port}")
        with site_on(url.replace("/etc/ssl/redis-ca.pem", str(certificate))) as site:
            everything_works(site)
            # Without the authority, nobody can say whose certificate it is.
            assert "certificate verify failed" in refused(
                site, "cable_stats", REDIS_URL=url.partition("?")[0]
            )


def refused(site, *words, **env):
    with pytest.raises(AssertionError) as told:
        site.manage(*words, **env)
    return str(told.value)


def test_22_a_user_with_the_least_rights():
    with redis_node() as node, Redis.from_url(node.url) as redis:
        rights = on_the_page("text", "ACL SETUSER").replace("PASSWORD", "hunter2")
        redis.execute_command(*rights.split())
        with site_on(f"redis://lessy:hunter2@127.0.0.1:{node.port}/0", **TEN_A_DAY) as site:
            everything_works(site)
            log_in = {"username": site.new_person().username, "password": "wrong"}
            url = f"{site.servers[0].url}/api/users/authorizations"
            answers = [httpx.post(url, json=log_in, timeout=30).status_code for _ in range(11)]
            assert answers == [*[401] * 10, 429]
            with receiving(site, site.new_person(), site.servers[0]):
                pass
            assert redis.execute_command("ACL", "LOG") == []
            assert "Redis refuses this user a command" in refused(site, "cable_tail", "--count", "1")
        used = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")}
        permitted = {word[1:] for word in rights.split() if word.startswith("+")}
        assert permitted - used == set()


SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor lessy-main 127.0.0.1 {primary} 2
sentinel down-after-milliseconds lessy-main 1000
sentinel failover-timeout lessy-main 5000
"""


@contextmanager
def sentinels(count, primary, folder):
    """Their ports. Each writes into its configuration what it learns."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(count)]
        for port in ports:
            config = folder / f"{port}.conf"
            config.write_text(SENTINEL.format(port=port, folder=folder, primary=primary.port))
            child = Child([binary(), config, "--sentinel"])
            stack.callback(child.stop)
            child.wait_until_it_answers(port)
        yield ports


@pytest.fixture
def primary():
    with redis_node() as node:
        yield node


@pytest.fixture
def replica(primary):
    with redis_node("--replicaof", "127.0.0.1", primary.port) as node:
        yield node


def test_22_sentinel_and_a_failover_lose_nothing(primary, replica, tmp_path):
    with sentinels(3, primary, tmp_path) as ports:
        eventually(lambda: knows_replica(ports), 30, "the Sentinels to know the replica and each other")
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        shown = "sentinel-1:26379,sentinel-2:26379,sentinel-3:26379"
        with site_on(on_the_page("sh", "redis+sentinel://").replace(shown, hosts)) as site:
            everything_works(site)
            survives(site, primary, replica)


def test_22_what_the_page_configures_by_hand_is_what_its_url_means():
    names = {}
    exec(block(PAGE, "python").text, names)
    [configured] = names["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"]
    assert sentinel.host(on_the_page("sh", "redis+sentinel://")) == {"db": 0, **configured}


@pytest.mark.parametrize(
    "url",
    [
        *(
            "redis+sentinel://",
            "redis+sentinel://a/",
            "redis+sentinel://a:0/main",
            "redis+sentinel://a:70000/main",
        ),
        *(
            "redis+sentinel://hunter2@a/main",
            "redis+sentinel://:hunter2@a,b/main/x",
            "redis+sentinel://a,,b/main",
        ),
    ],
)
def test_22_a_url_of_sentinels_that_cannot_be_read_is_refused_and_not_shown(url):
    with pytest.raises(ValueError, match=r"expected|Sentinel") as told:
        sentinel.parse(url)
    assert "hunter2" not in str(told.value)


def test_22_user_and_password_are_those_of_redis():
    found = sentinel.parse("redis+sentinel://lessy:a%2Fb@[::1]:5000,two/main/3")
    assert found.sentinels == [("::1", 5000), ("two", 26379)]
    assert found.connection == {"db": 3, "username": "lessy", "password": "a/b"}


def knows_replica(ports):
    for port in ports:
        with Redis(port=port, decode_responses=True) as sentinel:
            [state] = sentinel.execute_command("SENTINEL", "MASTERS")
            if (state := as_dict(state))["num-slaves"] != "1" or state["num-other-sentinels"] != "2":
                return False
    return True


def as_dict(answer):
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))


def survives(site, primary, replica):
    """What is saved between the death of the primary and the first delivery through its heir arrives, too."""
    server, person = site.servers[0], site.new_person()
    with server.connect(person) as socket:
        socket.subscribe()
        answered = server.child.log.count("the broker answers")
        primary.child.kill()
        missed = {site.new_task(person)}
        eventually(lambda: is_primary(replica), FAILOVER_SECONDS, "the failover")
        eventually(lambda: server.child.log.count("the broker answers") > answered, 30, "the broker")
        while missed:
            missed.discard(socket.message(30)["id"])
        task = site.new_task(person)
        while socket.message(45)["id"] != task:
            pass
    everything_works(site)


def is_primary(node):
    try:
        with Redis.from_url(node.url) as redis:
            return redis.info("replication")["role"] == "master"
    except RedisError:
        return False


@pytest.fixture
def cluster(tmp_path):
    """Two nodes, half of the slots each."""
    with ExitStack() as stack:
        nodes = []
        for number, slots in enumerate([(0, 8191), (8192, 16383)]):
            words = ["--cluster-enabled", "yes", "--cluster-config-file", str(tmp_path / f"{number}.conf")]
            node = stack.enter_context(redis_node(*words, port=port_of_a_cluster()))
            node.redis = stack.enter_context(Redis.from_url(node.url, decode_responses=True))
            node.redis.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
            nodes.append(node)
        nodes[0].redis.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port)
        eventually(lambda: all(map(is_complete, nodes)), 30, "the cluster")
        yield nodes


def port_of_a_cluster():
    """The bus of a node listens 10,000 above its port; both are below those that the system gives out."""
    while True:
        port = random.randrange(10_000, 22_000)
        with suppress(OSError), socket.socket() as node, socket.socket() as bus:
            node.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port


def is_complete(node):
    return "cluster_state:ok" in as_text(node.redis.execute_command("CLUSTER", "INFO"))


def as_text(answer):
    """redis-py may have made a dict of it."""
    return ",".join(f"{key}:{value}" for key, value in answer.items()) if isinstance(answer, dict) else answer


def test_22_one_node_of_a_cluster_carries_the_cable(cluster):
    """Published at the other node, where a key may be anybody's."""
    with site_on(cluster[0].url) as site:
        server, person = site.servers[0], site.new_person()
        checked = json.loads(site.manage("cable_check", "--json", "--url", server.cable_url))
        assert checked["ok"], checked
        with server.connect(person) as socket:
            socket.subscribe()
            save = f"print(Task.objects.create(user_id={person.pk}, label='x', order=9).pk)"
            code = f"from tasks.models import Task; {save}"
            made = site.manage("shell", "-c", code, REDIS_URL=cluster[1].url)
            assert socket.message()["id"] == int(made.split()[-1])
