"""E1-E6, E25-E31, E36-E38: sessions, positions, and what is ignored. One test per case, named after it."""

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


def test_since_replays_again_on_every_subscribe(site, server, cooper):
    task = site.new_task(cooper)
    with server.connect(cooper) as socket:
        for _ in range(2):
            socket.subscribe(since(1))
            assert socket.message()["id"] == task
            socket.command("unsubscribe", since(1))


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
