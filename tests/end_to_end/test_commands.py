"""What an operator asks in a terminal, of real servers: cable_stats, cable_tail, cable_check."""

import json
import signal
import socket as sockets
import subprocess
from contextlib import contextmanager

import pytest
from redis import Redis

from tests.docs.pages import block
from tests.support.cable import EXTENDED
from tests.support.processes import Child, free_port
from tests.support.site import MANAGE, ROOT, new_site
from tests.support.waiting import eventually

CACHED = "from django.core.cache import cache; cache.set('a', 1); print('counted' * cache.incr('a', 0))"


def run(site, *words, **env):
    """Exit status, output, errors."""
    done = subprocess.run(
        [*MANAGE, *words], env=site.env | env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


# cable_stats


def stats(site):
    code, output, errors = run(site, "cable_stats", "--json", "--wait", "20")
    assert code == 0, errors
    return json.loads(output)


def test_stats_are_of_every_process_and_of_all_together(site, server, other_server, cooper, audrey):
    with (
        server.connect(cooper) as one,
        other_server.connect(cooper) as two,
        other_server.connect(audrey, subprotocols=EXTENDED),
    ):
        one.subscribe()
        two.subscribe()
        site.new_task(cooper)
        assert one.message() == two.message()
        found = stats(site)
    assert len({process["process"] for process in found["processes"]}) >= 2
    assert all(process["broker"] and not process["draining"] for process in found["processes"])
    total = found["totals"]
    assert [cooper.pk, 2] in total["by_user"]
    assert [audrey.pk, 1] in total["by_user"]
    assert total["connections"] == sum(process["connections"] for process in found["processes"]) >= 3
    assert total["subscriptions"] >= 2
    assert total["extended"] >= 1
    assert total["deliveries"] >= 2
    assert total["counts"]["connections_opened"] >= 3


def test_stats_are_a_table_for_readers(site, server, cooper):
    with server.connect(cooper):
        code, output, _ = run(site, "cable_stats")
    assert code == 0
    head, first, *_ = output.splitlines()
    assert head.split()[:3] == ["process", "up", "sockets"]
    assert first.endswith("healthy")
    assert f"  {cooper.username}: 1" in output


def test_stats_say_when_nobody_answers(site, new_redis):
    code, _, errors = run(site, "cable_stats", "--wait", "0.2", REDIS_URL=new_redis.url)
    assert (code, "no process answered within 0.2 s" in errors) == (1, True)


@pytest.mark.parametrize("words", [["cable_stats"], ["cable_tail"]])
def test_without_redis_they_say_so(site, words):
    code, _, errors = run(site, *words, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert (code, "CommandError: Redis does not answer" in errors) == (1, True)


@pytest.mark.parametrize("words", [["cable_stats"], ["cable_tail"]])
def test_with_the_in_memory_layer_they_say_so(site, words):
    code, _, errors = run(site, *words, REDIS_URL="", DJANGO_DEBUG="on")
    assert (code, "in-memory layer" in errors) == (1, True)


# cable_tail


@contextmanager
def tailing(site, *words):
    child = Child([*MANAGE, "cable_tail", *words], env=site.env, cwd=ROOT)
    try:
        eventually(lambda: "listening" in child.log, 20, "listening")
        yield child
    finally:
        child.stop()


def test_tail_shows_what_passes_whoever_is_connected(site, cooper, audrey):
    with tailing(site) as tail:
        his, hers = site.new_task(cooper), site.new_task(audrey)
        eventually(lambda: "after the commit" in tail.log and audrey.username in tail.log)
        assert f'{cooper.username}  {{"action":"create#tasks","id":{his}}}' in tail.log
        assert f'{audrey.username}  {{"action":"create#tasks","id":{hers}}}' in tail.log


def test_tail_of_a_user_shows_only_theirs_as_json(site, cooper, audrey):
    with tailing(site, "--user", cooper.username, "--json", "--count", "1") as tail:
        site.new_task(audrey)
        task = site.new_task(cooper)
        assert tail.process.wait(10) == 0
        [line] = [json.loads(line) for line in tail.log.splitlines() if line.startswith("{")]
    assert line["notification"] == {"action": "create#tasks", "id": task}
    assert (line["user"], line["user_id"]) == (cooper.username, cooper.pk)
    assert 0 <= line["milliseconds"] < 5_000


def test_tail_hears_every_shard(redis_server, new_redis):
    with new_site(None, servers=0, REDIS_URL=f"{redis_server.url},{new_redis.url}") as site:
        people = [site.new_person() for _ in range(8)]
        with tailing(site, "--count", "8") as tail:
            for person in people:
                site.new_task(person)
            assert tail.process.wait(10) == 0


def test_tail_of_nobody_says_so(site):
    code, _, errors = run(site, "cable_tail", "--user", "nobody")
    # Before it, the lowest Django that is tried has a warning of its own.
    assert (code, errors.splitlines()[-1]) == (1, "CommandError: no user 'nobody'")


# cable_tail --received


def process_of(server):
    return f"{sockets.gethostname()}:{server.child.process.pid}"


@contextmanager
def receiving(site, person, *servers):
    """cable_tail --received, which has the answers of these servers."""
    with tailing(site, "--user", person.username, "--received", "--json") as tail:
        for server in servers:
            eventually(
                lambda server=server: f"listening to {process_of(server)}" in tail.log, 20, "an answer"
            )
        yield tail


def received(tail, count):
    """(action, id, way) of the lines, once there are so many."""

    def look():
        whole = [line for line in tail.log.splitlines(keepends=True) if line.endswith("\n")]
        found = [json.loads(line) for line in whole if line.startswith("{")]
        return len(found) >= count and found

    return [(line["action"], line["id"], line["way"]) for line in eventually(look, 20, "its lines")]


def test_received_shows_what_each_connection_is_sent(site, server, other_server, cooper, audrey):
    with (
        server.connect(cooper) as one,
        receiving(site, cooper, server, other_server) as tail,
        # It comes when it is asked for already.
        other_server.connect(cooper, subprotocols=EXTENDED) as two,
        server.connect(audrey) as hers,
    ):
        for socket in (one, two, hers):
            socket.subscribe()
        site.new_task(audrey)
        hers.message()
        task = site.new_task(cooper)
        one.message(), two.message()
        assert received(tail, 2) == [("create", task, "live")] * 2
        lines = [json.loads(line) for line in tail.log.splitlines() if line.startswith("{")]
    assert {line["process"] for line in lines} == {process_of(server), process_of(other_server)}
    for line in lines:
        assert line["connection"].startswith(f"{line['process']}/")
        assert (line["user"], line["user_id"], line["resource"]) == (cooper.username, cooper.pk, "tasks")
        assert line["waits"] is False
        assert "updatedAt" not in line


def test_received_shows_a_replay_and_what_follows_it(site, server, cooper):
    missed = site.new_task(cooper)
    since = json.dumps({"channel": "NotificationsChannel", "since": 1})
    with receiving(site, cooper, server) as tail, server.connect(cooper) as socket:
        socket.subscribe(since)
        assert socket.message()["id"] == missed
        task = site.new_task(cooper)
        assert socket.message()["id"] == task
        replayed, (*told, way) = received(tail, 2)
        assert replayed == ("create", missed, "replay")
        # It may be published before the replay is over.
        assert (told, way in ("live", "held")) == (["create", task], True)


def test_received_outlives_an_absence_of_redis_and_shows_what_the_catch_up_finds(new_redis):
    with new_site(new_redis, CABLE_RECONCILE_INTERVAL="3600") as site:
        [server], cooper = site.servers, site.new_person()
        with server.connect(cooper) as socket, receiving(site, cooper, server) as tail:
            socket.subscribe()
            new_redis.kill()
            eventually(lambda: "Redis does not answer" in tail.log, 20, "the word that it is away")
            # Whoever made it is gone when Redis comes back, and announces it no more.
            task = site.shell(f"result = Task.objects.create(user_id={cooper.pk}, label='x').pk")
            site.close_shell()
            new_redis.start()
            assert socket.message()["id"] == task
            assert received(tail, 1) == [("create", task, "pass")]
            heard = tail.log.partition("listening to")[2].splitlines()[1:]
            said = [line.partition(":")[0] for line in heard if not line.startswith("{")]
            # And nothing of what the drivers say.
            assert said == ["Redis does not answer", "Redis is back"]


def test_received_is_a_line_for_readers_and_ends_after_so_many(site, server, cooper):
    words = ("--user", cooper.username, "--received", "--count", "1")
    with tailing(site, *words) as tail, server.connect(cooper) as socket:
        eventually(lambda: f"listening to {process_of(server)}" in tail.log, 20, "an answer")
        socket.subscribe()
        task = site.new_task(cooper)
        assert tail.process.wait(10) == 0
        assert f"  {process_of(server)}/" in tail.log
        assert f"  create#tasks {task}  live\n" in tail.log


def test_received_ends_at_every_process_with_the_asker_and_soon_after_one_that_vanished(site, server, cooper):
    with receiving(site, cooper, server) as tail:
        tail.signal(signal.SIGINT)
        assert tail.process.wait(10) == 0
        server.wait_for_log(f"is written to user {cooper.pk}: its asker has ended")
    with receiving(site, cooper, server) as tail:
        tail.kill()
        server.wait_for_log(f"is written to user {cooper.pk}: its asker is gone")


def test_received_says_why_it_cannot(site, new_redis, cooper):
    words = ("cable_tail", "--user", cooper.username, "--received")
    for why, asked, env in (
        ("in-memory layer", words, {"REDIS_URL": "", "DJANGO_DEBUG": "on"}),
        ("Redis does not answer", words, {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}),
        ("no process answered within 5 s", words, {"REDIS_URL": new_redis.url}),
        ("--received needs --user", ("cable_tail", "--received"), {}),
    ):
        code, _, errors = run(site, *asked, **env)
        assert (code, why in errors) == (1, True), errors


# cable_check


def check(site, *words, **env):
    code, output, errors = run(site, "cable_check", "--json", *words, **env)
    assert output, errors
    found = json.loads(output)
    assert found["ok"] is (code == 0)
    return found["ok"], {step["name"]: step for step in found["steps"]}


def test_check_goes_the_whole_way_and_leaves_nothing_behind(site, server):
    count = "User.objects.count(), AccessToken.objects.count(), Task.objects.count()"
    rows = f"from lessy.accounts.models import AccessToken, User; result = {count}"
    before = site.shell(rows)
    ok, steps = check(site, "--url", server.cable_url)
    assert ok, steps
    assert list(steps) == ["database", "processes", "user", "connect", "subscribe", "notify", "ping"]
    assert "one that was undone was not" in steps["notify"]["detail"]
    assert all(0 <= step["milliseconds"] < 10_000 for step in steps.values())
    assert site.shell(rows) == before


def test_check_says_it_in_plain_words(site, server):
    code, output, _ = run(site, "cable_check", "--url", server.cable_url)
    assert code == 0
    assert [line.split()[:2] for line in output.splitlines()][-2:] == [["ok", "notify"], ["ok", "ping"]]


def test_check_of_a_user_announces_a_row_of_theirs_again(site, server, cooper):
    with server.connect(cooper) as socket:
        socket.subscribe()
        # Of a task made before, a reconcile might tell at any moment.
        task = site.new_task(cooper)
        assert socket.message()["action"] == "create#tasks"
        ok, steps = check(site, "--url", server.cable_url, "--user", cooper.username)
        assert ok, steps
        assert f"row {task} of tasks was announced" in steps["notify"]["detail"]
        assert socket.message()["action"] == "update#tasks"
        socket.assert_nothing_came()


def test_check_of_a_user_without_rows_says_what_it_could_not_try(site, server, audrey):
    ok, steps = check(site, "--url", server.cable_url, "--user", audrey.username)
    assert ok
    assert "has no row" in steps["notify"]["detail"]


def failure(site, *words, **env):
    ok, steps = check(site, *words, **env)
    assert not ok
    *good, bad = steps.values()
    assert all(step["ok"] for step in good)
    assert bad["hint"]
    return bad


def test_check_fails_where_nothing_listens(site):
    bad = failure(site, "--url", f"ws://127.0.0.1:{free_port()}/cable")
    assert (bad["name"], "refused" in bad["detail"]) == ("connect", True)


def test_check_fails_on_another_path(site, server):
    bad = failure(site, "--url", f"ws://127.0.0.1:{server.port}/elsewhere")
    assert bad["name"] == "connect"


def test_check_fails_where_the_server_has_another_key(site, server):
    key = "another-key-of-fifty-characters-or-more-in-all"
    bad = failure(site, "--url", server.cable_url, DJANGO_SECRET_KEY=key)
    assert (bad["name"], "DJANGO_SECRET_KEY" in bad["hint"]) == ("processes", True)


def test_check_fails_where_the_server_has_another_redis(site, server, new_redis):
    bad = failure(site, "--url", server.cable_url, REDIS_URL=new_redis.url)
    assert (bad["name"], "REDIS_URL" in bad["hint"]) == ("processes", True)


def test_check_fails_for_a_user_who_may_not_sign_in(site, server):
    bad = failure(site, "--url", server.cable_url, "--user", "nobody")
    assert bad["name"] == "user"


def test_check_of_a_server_with_the_in_memory_layer_says_what_it_could_not_try():
    with new_site(None) as site:
        ok, steps = check(site, "--url", site.servers[0].cable_url)
        assert ok, steps
        assert {name: step["ok"] for name, step in steps.items()} == {
            **dict.fromkeys(steps, True),
            **dict.fromkeys(["processes", "notify"]),
        }
        _, shown, _ = run(site, "cable_check", "--url", site.servers[0].cable_url)
        assert [line.split()[:2] for line in shown.splitlines() if line.startswith("skip")] == [
            ["skip", "processes"],
            ["skip", "notify"],
        ]


def test_b3_check_of_a_user_without_tasks_skips_what_there_is_nothing_for(site, server, cooper):
    ok, steps = check(site, "--url", server.cable_url, "--user", cooper.username)
    assert (ok, steps["notify"]["ok"]) == (True, None)


@pytest.mark.parametrize("url", ["ws://[", "http://127.0.0.1/cable", "ws://127.0.0.1:99999/cable", "x", ""])
def test_b3_check_of_no_url_says_so(site, url):
    assert failure(site, "--url", url)["name"] == "connect"


@pytest.fixture
def restricted(new_redis):
    """The URL of a Redis for a user as Redis 7 makes them: all commands, all keys, and no channel."""
    with Redis.from_url(new_redis.url) as redis:
        redis.execute_command("ACL", "SETUSER", "lessy", "on", ">hunter2", "~*", "+@all", "resetchannels")
    return f"redis://lessy:hunter2@127.0.0.1:{new_redis.port}/0"


@pytest.mark.parametrize("words", [["cable_check"], ["cable_stats"], ["cable_tail"]])
def test_b3_a_redis_that_permits_no_channel_is_told_from_a_dead_one(site, restricted, words):
    code, output, errors = run(site, *words, REDIS_URL=restricted)
    assert code == 1
    assert "Redis refuses this user a command or channel (ACL SETUSER NAME &* permits" in output + errors
    assert "does not answer" not in output + errors


def test_b3_a_redis_that_refuses_the_password_is_told_from_a_dead_one(site, restricted):
    code, _, errors = run(site, "cable_stats", REDIS_URL=restricted.replace("hunter2", "hunter3"))
    assert (code, "CommandError: Redis refuses this user or password" in errors) == (1, True)
    assert "hunter3" not in errors


def test_b3_a_server_says_so_as_well_and_finds_out_when_it_is_permitted(site, new_redis, restricted):
    server = site.serve(REDIS_URL=restricted)
    server.wait_for_log("the broker is down: Redis refuses this user")
    assert "hunter2" not in server.child.log
    with Redis.from_url(new_redis.url) as redis:
        redis.execute_command("ACL", "DELUSER", "lessy")
        # As docs/operations.md says.
        line = block("docs/operations.md", "text", "ACL SETUSER").text.strip()
        redis.execute_command(*line.replace("PASSWORD", "hunter2").split())
    server.wait_for_log("the broker answers")
    env = {"REDIS_URL": restricted, "LESSY_THROTTLES": "on"}
    ok, steps = check(site, "--url", server.cable_url, **env)
    assert ok, steps
    assert site.manage("shell", "-c", CACHED, **env).splitlines()[-1] == "counted"
