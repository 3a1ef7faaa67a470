"""A stream of Server-Sent Events as the hub sees it: what it is sent, and how it ends."""

import json
from functools import partial
from types import SimpleNamespace

import pytest

from notifications.conf import CableSettings
from notifications.handshake.refusals import answer
from notifications.hub.event_stream import EventStream
from notifications.wire import event_stream, protocol
from notifications.wire.payloads import Change
from notifications.wire.positions import MICROSECONDS

ADMISSION = SimpleNamespace(user_id=1, key="key", expires_at=None)
SECONDS = 1_700_000_000
NOW = SECONDS * MICROSECONDS
I = '{"channel":"NotificationsChannel"}'  # noqa: E741 the name that the protocol's cases use


class Stream:
    """text: what its client has read. status: of the answer, once it began. ended: by the server."""

    def __init__(self, *, resumes=False):
        self.status, self.headers, self.text, self.ended = None, {}, "", False
        self.connection = EventStream(
            self.send,
            None,
            ADMISSION,
            "epoch",
            CableSettings(),
            lambda connection: None,
            partial(answer, headers={}),
            resumes=resumes,
        )
        self.connection.pinged = SECONDS
        self.subscription = self.connection.subscriptions.add(I, NOW)

    async def send(self, message):
        assert not self.ended
        if message["type"] == "http.response.start":
            assert self.status is None
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        assert self.status is not None
        self.text += message["body"].decode()
        self.ended = not message.get("more_body", False)

    def live(self):
        self.connection.confirm(self.subscription)
        self.subscription.release({}, set())
        return self

    def since(self, text):
        """What came after this text."""
        return self.text.rpartition(text)[2]


def change(pk, at):
    return Change("update", "tasks", pk, 1, NOW + at, json.dumps({"id": pk}))


async def test_it_begins_when_it_is_confirmed_with_the_position_to_resume_from():
    stream = Stream()
    stream.connection.welcome()
    stream.connection.ping(protocol.ping(SECONDS), SECONDS)
    assert (stream.status, stream.text) == (None, "")
    stream.live()
    assert stream.status == 200
    assert stream.headers[b"content-type"] == b"text/event-stream"
    assert stream.text.endswith(f"\nid: epoch-{NOW}\n\n")


async def test_one_that_resumes_keeps_its_position_until_it_is_told_more():
    stream = Stream(resumes=True).live()
    assert "id:" not in stream.text


async def test_a_change_comes_with_the_position_after_it():
    stream = Stream().live()
    stream.connection.deliver(change(5, 7), NOW + 10)
    assert stream.text.endswith(f'id: epoch-{NOW + 7}\ndata: {{"id": 5}}\n\n')
    stream.connection.deliver(change(6, 3), NOW + 10)  # later, of an earlier time
    assert f"id: epoch-{NOW + 8}\n" in stream.text


async def test_the_heartbeat_moves_the_position_and_what_is_told_later_is_after_it():
    stream = Stream().live()
    stream.connection.ping(protocol.ping(SECONDS + 3), SECONDS + 3)
    at = NOW + 3 * MICROSECONDS
    assert stream.text.endswith(f": ping\nid: epoch-{at}\n\n")
    stream.connection.deliver(change(5, 1), at)
    assert f"id: epoch-{at + 1}\ndata" in stream.text


async def test_the_heartbeat_never_moves_it_back():
    stream = Stream().live()
    stream.connection.deliver(change(5, 7), NOW + 10)
    stream.connection.ping(protocol.ping(SECONDS), SECONDS)
    assert stream.text.endswith(f": ping\nid: epoch-{NOW + 7}\n\n")


async def test_during_a_replay_the_heartbeat_moves_nothing():
    stream = Stream(resumes=True)
    stream.subscription.replay(NOW)
    stream.connection.confirm(stream.subscription)
    stream.connection.ping(protocol.ping(SECONDS), SECONDS)
    assert stream.text.endswith(event_stream.BARE_PING)
    assert "id:" not in stream.text


async def test_a_refetch_has_the_position_to_go_on_from():
    stream = Stream(resumes=True).live()
    stream.connection.reject_history(stream.subscription, event_stream.POSITION, NOW)
    assert stream.text.endswith(f'id: epoch-{NOW}\nevent: refetch\ndata: {{"reason":"position"}}\n\n')
    assert stream.connection.is_open


async def test_without_a_database_it_is_sent_away_with_the_position_that_it_has():
    stream = Stream(resumes=True).live()
    stream.connection.reject_history(stream.subscription, protocol.UNAVAILABLE, NOW)
    assert "refetch" not in stream.text
    assert "id:" not in stream.text
    assert 'data: {"reason":"unavailable","reconnect":true}' in stream.text
    assert stream.ended


async def test_a_renewed_epoch_is_that_of_the_next_position():
    stream = Stream().live()
    stream.connection.renumber("another")
    stream.connection.deliver(change(5, 7), NOW + 10)
    assert f"id: another-{NOW + 7}\n" in stream.text


@pytest.mark.parametrize(
    ("reason", "status"),
    [(protocol.LIMIT, 429), (protocol.UNAUTHORIZED, 401), (protocol.TOKEN_EXPIRED, 401)],
)
async def test_before_it_began_it_is_refused_by_a_status(reason, status):
    stream = Stream()
    stream.connection.close(reason, reconnect=False)
    assert (stream.status, json.loads(stream.text), stream.ended) == (status, {"error": reason}, True)
    stream.connection.confirm(stream.subscription)
    assert stream.status == status


@pytest.mark.parametrize("reason", [protocol.SERVER_RESTART, protocol.UNAVAILABLE, protocol.REMOTE])
async def test_who_shall_come_back_is_told_so_by_an_event(reason):
    """After a status an EventSource never does."""
    for stream in (Stream(), Stream().live()):
        stream.connection.close(reason, reconnect=True)
        told = json.dumps({"reason": reason, "reconnect": True}, separators=(",", ":"))
        assert (stream.status, stream.ended) == (200, True)
        assert stream.text.endswith(f"event: disconnect\ndata: {told}\n\n")
        assert stream.text.rpartition("retry: ")[2].partition("\n")[0].isdecimal()


async def test_nothing_follows_its_end():
    stream = Stream().live()
    stream.connection.close(protocol.REMOTE, reconnect=False)
    text = stream.text
    stream.connection.deliver(change(5, 7), NOW + 10)
    stream.connection.ping(protocol.ping(SECONDS + 3), SECONDS + 3)
    assert stream.text == text
