"""E1-E6, E25-E31, E36-E38: sessions, positions, and what is ignored. One test per case, named after it."""

import json
import os
import time

import pytest

from tests.support.cable import EXTENDED, I, confirmed

HOK = {"type": "confirm_history", "identifier": I}
# How long a client says nothing; CI has better things to do than to wait for the full minute.
SILENCE = float(os.environ.get("LESSY_SILENCE_SECONDS", "8"))


@pytest.fixture
def connect(server, cooper):
    def connecting(**options):
        return server.connect(cooper, subprotocols=EXTENDED, **options)

    return connecting


@pytest.fixture
def socket(connect):
    with connect() as found:
        yield found


def position_of(frame):
    return {"streams": {frame["stream_id"]: {"epoch": frame["epoch"], "offset": frame["offset"]}}}


def test_e1_every_connection_has_a_session_id_of_its_own(connect):
    with connect() as first, connect() as second:
        assert first.subprotocol == EXTENDED[0]
        assert set(first.welcome) == {"type", "sid"}
        assert first.welcome["sid"]
        assert first.welcome["sid"] != second.welcome["sid"]


def test_e2_a_token_among_the_offers_is_not_echoed(server, cooper):
    with server.connect(cooper, subprotocols=[*EXTENDED, "anycable-token.x"]) as socket:
        assert socket.subprotocol == EXTENDED[0]


def test_e4_a_data_frame_carries_its_position(site, socket, cooper):
    socket.subscribe()
    task = site.new_task(cooper)
    frame = socket.frame()
    assert set(frame) == {"identifier", "message", "stream_id", "epoch", "offset"}
    assert frame["message"] == {"action": "create#tasks", "id": task}
    assert frame["stream_id"]
    assert frame["epoch"]
    assert 1 <= frame["offset"] < 2**53


def test_e5_offsets_of_a_stream_strictly_increase(site, socket, cooper):
    socket.subscribe()
    task = site.new_task(cooper)
    for _ in range(3):
        site.touch(task)
    frames = [socket.frame() for _ in range(4)]
    assert len({(frame["stream_id"], frame["epoch"]) for frame in frames}) == 1
    offsets = [frame["offset"] for frame in frames]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] <= time.time() * 1e6 + 1000


def test_e6_a_user_without_rows_has_an_empty_history(socket):
    socket.command("subscribe", history={"since": int(time.time()), "streams": {}})
    assert [socket.frame(), socket.frame()] == [confirmed(), HOK]


@pytest.fixture
def away(site, connect, cooper):
    """The session id and the last position of a socket that was cut, and the two rows changed since."""
    with connect() as socket:
        socket.subscribe()
        site.new_task(cooper)
        last = socket.frame()
        socket.socket.socket.close()
        return socket.welcome["sid"], position_of(last), [site.new_task(cooper) for _ in range(2)]


def test_e25_a_session_id_restores_nothing(connect, away):
    with connect(query=f"?sid={away[0]}") as socket:
        assert set(socket.welcome) == {"type", "sid"}
        assert socket.welcome["sid"] != away[0]


def test_e26_the_position_restores_what_was_missed_and_then_it_is_live(site, connect, cooper, away):
    sid, history, missed = away
    with connect(query=f"?sid={sid}") as socket:
        socket.command("subscribe", history=history)
        assert socket.frame() == confirmed()
        replayed = [frame["message"]["id"] for frame in socket.until("confirm_history")]
        assert set(missed) <= set(replayed)
        task = site.new_task(cooper)
        assert socket.message()["id"] == task


def test_e27_without_history_nothing_is_replayed(connect, away):
    with connect(query=f"?sid={away[0]}") as socket:
        socket.subscribe()
        socket.assert_nothing_came()


def test_e28_a_session_id_in_the_header_restores_nothing(connect, away):
    with connect(headers={"X-ANYCABLE-RESTORE-SID": away[0]}) as socket:
        assert set(socket.welcome) == {"type", "sid"}


def test_e29_nobody_elses_session_is_restored(site, server, connect, audrey):
    with server.connect(audrey, subprotocols=EXTENDED) as hers:
        theirs = hers.welcome["sid"]
    for sid in (theirs, "nope", ""):
        with connect(query=f"?sid={sid}") as socket:
            socket.subscribe()
            task = site.new_task(audrey)
            assert task
            socket.assert_nothing_came()


def since(value):
    return f'{{"channel":"NotificationsChannel","since":{value}}}'


def test_e30_since_replays_on_base_without_an_acknowledgement(site, server, cooper):
    tasks = [site.new_task(cooper) for _ in range(2)]
    with server.connect(cooper) as socket:
        identifier = since(int(time.time()) - 30)
        socket.subscribe(identifier)
        assert [socket.frame() for _ in tasks] == [
            {"identifier": identifier, "message": {"action": "create#tasks", "id": task}} for task in tasks
        ]
        socket.assert_nothing_came()


@pytest.mark.parametrize("value", ['"x"', "-1", "1.5", "null", "true", "[]"])
def test_e31_any_other_since_replays_nothing(site, server, cooper, value):
    site.new_task(cooper)
    with server.connect(cooper) as socket:
        socket.subscribe(since(value))
        socket.assert_nothing_came()


def last_ping_later_than(socket, moment):
    while (named := json.loads(socket.text()).get("message", 0)) <= moment:
        pass
    return named


SCANT = {"DJANGO_SETTINGS_MODULE": "tests.support.scant_settings"}


def test_a2_since_the_last_ping_finds_what_no_pass_had_found_when_the_client_was_cut(site, cooper):
    """
    A change without a signal, pings for longer than the overlap, and a cut before any pass over the tables:
    the client comes back to another process with the time that the last ping named.
    """
    holder, other = site.serve(**SCANT), site.serve(**SCANT)
    task = site.new_task(cooper)
    with holder.connect(cooper) as socket:
        socket.subscribe()
        changed = site.shell(
            f"""
now = timezone.now()
Task.objects.filter(pk={task}).update(created_at=now - timedelta(days=1), updated_at=now)
result = now.timestamp()
"""
        )
        last = last_ping_later_than(socket, changed + 2)
        assert abs(last - time.time()) < 5
    with other.connect(cooper) as socket:
        socket.subscribe(since(last))
        assert socket.message() == {"action": "update#tasks", "id": task, "updatedAt": int(changed)}


def test_since_replays_again_on_every_subscribe(site, server, cooper):
    task = site.new_task(cooper)
    with server.connect(cooper) as socket:
        for _ in range(2):
            socket.subscribe(since(1))
            assert socket.message()["id"] == task
            socket.command("unsubscribe", since(1))


AHEAD = pytest.mark.parametrize("ahead", [600, int(time.time()) * 999], ids=["ten minutes", "milliseconds"])


@AHEAD
def test_e3_since_a_time_in_the_future_is_rejected_on_base(site, server, cooper, ahead):
    site.new_task(cooper)
    identifier = since(int(time.time()) + ahead)
    with server.connect(cooper) as socket:
        socket.command("subscribe", identifier)
        assert socket.frame() == {"identifier": identifier, "type": "reject_subscription"}
        socket.assert_nothing_came()


@AHEAD
def test_e3_since_a_time_in_the_future_is_rejected_on_extended(site, socket, cooper, ahead):
    site.new_task(cooper)
    socket.command("subscribe", history={"since": int(time.time()) + ahead})
    assert [socket.frame(), socket.frame()] == [confirmed(), {"type": "reject_history", "identifier": I}]
    socket.assert_nothing_came()


def test_e3_a_client_whose_clock_is_a_little_ahead_is_told(site, server, cooper):
    task = site.new_task(cooper)
    with server.connect(cooper) as socket:
        socket.subscribe(since(int(time.time()) + 30))
        assert socket.message()["id"] == task


def test_since_beyond_the_replay_limit_is_rejected_on_base(site, server, cooper):
    site.shell(
        f"""
now = timezone.now()
common = dict(user_id={cooper.pk}, label="x", created_at=now, updated_at=now)
Task.objects.bulk_create([Task(order=number, **common) for number in range(1010)])
"""
    )
    with server.connect(cooper) as socket:
        socket.command("subscribe", since(1))
        assert socket.frame() == {"identifier": since(1), "type": "reject_subscription"}
        socket.assert_nothing_came()


def bulk_change(site, person, count, *, then="None"):
    """Rows changed together, without a signal. then: evaluated, with these rows at hand."""
    return site.shell(
        f"""
import notifications
now = timezone.now()
rows = [
    Task(user_id={person.pk}, label="x", order=n, created_at=now - timedelta(days=1), updated_at=now)
    for n in range({count})
]
Task.objects.bulk_create(rows)
rows = Task.objects.filter(user_id={person.pk})
{then}
result = publisher.flush(5)
"""
    )


def test_a4_after_a_bulk_change_since_now_is_confirmed_and_told_in_full(site, server, cooper):
    """Over the limit within the overlap: a client that has refetched gets in all the same."""
    bulk_change(site, cooper, 1_010)
    now = since(int(time.time()))
    with server.connect(cooper) as socket:
        socket.subscribe(now)
        assert len({socket.message()["id"] for _ in range(1_010)}) == 1_010
        socket.assert_nothing_came()
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe(history={"since": int(time.time())})
        frames = socket.until("confirm_history")
        assert len({frame["message"]["id"] for frame in frames}) == 1_010


@pytest.mark.parametrize(
    "then", ["notifications.notify(rows)", "None"], ids=["announced", "by the reconcile"]
)
def test_a4_after_a_bulk_change_was_heard_its_last_frame_is_where_one_resumes(site, cooper, then):
    server = site.serve(DJANGO_SETTINGS_MODULE="tests.support.brisk_settings")
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe()
        bulk_change(site, cooper, 1_010, then=then)
        heard = set()
        while len(heard) < 1_010:
            last = socket.frame()
            heard.add(last["message"]["id"])
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe(history=position_of(last))
        frames = socket.until("confirm_history")
        assert {frame["message"]["id"] for frame in frames} == heard


def test_e36_a_client_that_never_says_a_word_stays(socket):
    deadline = time.monotonic() + SILENCE
    while time.monotonic() < deadline:
        socket.text()
    socket.assert_nothing_came()


def test_e37_a_pong_is_answered_with_silence(socket):
    socket.text()
    socket.send(command="pong")
    socket.assert_nothing_came()


@pytest.mark.parametrize("name", ["whisper", "join", "leave", "presence"])
def test_e38_other_commands_of_anycable_are_ignored(socket, name):
    socket.command(name, data={}, presence={"id": "1"})
    socket.assert_nothing_came()


def test_e38_presence_in_a_subscribe_is_ignored(socket):
    socket.subscribe(presence={"id": "1"})
    socket.assert_nothing_came()
