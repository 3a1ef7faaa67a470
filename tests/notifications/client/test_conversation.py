"""What a client says, and makes of what it hears: no socket, no clock."""

import json
from itertools import pairwise

import pytest

from notifications.client.conversation import Conversation, identifier_of, is_position
from notifications.client.plan import GOOD_AFTER, LONGEST_WAIT, Backoff, planned
from notifications.client.told import Change, Disconnected, Refetch, Refused
from notifications.wire import protocol

IDENTIFIER = identifier_of(protocol.CHANNEL, "")
WELCOME = protocol.welcome("sid")
CONFIRM = protocol.confirm_subscription(IDENTIFIER)


def change(offset, epoch="e", **message):
    head = protocol.message_head(IDENTIFIER)
    payload = protocol.encode({"action": "update#tasks", "id": 23, "updatedAt": 1515248100} | message)
    return protocol.positioned_message(head, payload, protocol.position_of("s", epoch), offset)


def begun(position):
    conversation = Conversation(IDENTIFIER, position)
    assert conversation.receive(WELCOME) == []
    [text] = conversation.outbox
    return conversation, json.loads(text).get("history")


def test_without_a_position_the_state_has_to_be_read_once_it_is_subscribed():
    conversation, history = begun(None)
    assert history is None
    assert conversation.receive(CONFIRM) == [Refetch("start", None)]


def test_what_is_told_has_the_position_up_to_which_everything_was():
    conversation, _ = begun(None)
    conversation.receive(CONFIRM)
    assert conversation.receive(change(7)) == [Change("update#tasks", 23, 1515248100, "e-7")]
    [composite] = conversation.receive(change(8, id=[1, "x"]))
    assert (composite.id, composite.verb, composite.resource) == ((1, "x"), "update", "tasks")


def test_the_further_keys_of_a_resource_come_along():
    conversation, _ = begun(None)
    [told] = conversation.receive(change(7, title="Dune"))
    assert told.further == {"title": "Dune"}
    assert len({told, told}) == 1


def test_a_position_is_where_it_begins():
    conversation, history = begun("e-5")
    assert history == {"position": "e-5"}
    assert conversation.receive(CONFIRM) == []
    assert conversation.receive(change(6))[0].position == "e-6"
    assert conversation.receive(protocol.confirm_history(IDENTIFIER)) == []


def test_a_time_that_a_ping_named_is_one_as_well():
    conversation, _ = begun(None)
    conversation.receive(CONFIRM)
    conversation.receive(protocol.ping(1515248100))
    assert conversation.position == "-1515248100000000"
    assert begun(conversation.position)[1] == {"since": 1515248100, "streams": {}}
    conversation.receive(change(1515248100000001))
    conversation.receive(protocol.ping(1515248103))
    assert conversation.position == "e-1515248103000000"


def test_no_ping_is_believed_before_the_replay_is_complete():
    conversation, _ = begun("e-5")
    conversation.receive(CONFIRM)
    conversation.receive(protocol.ping(1515248100))
    assert conversation.position == "e-5"


def test_a_position_of_no_use_is_forgotten():
    conversation, _ = begun("e-5")
    conversation.receive(CONFIRM)
    assert conversation.receive(protocol.reject_history(IDENTIFIER)) == [Refetch("history", None)]
    assert conversation.position is None
    conversation.receive(change(7, epoch="f"))
    assert conversation.position == "f-7"


def test_repetitions_do_not_take_the_position_back():
    conversation, _ = begun(None)
    conversation.receive(CONFIRM)
    conversation.receive(change(9))
    assert conversation.receive(change(7))[0].position == "e-9"


def test_the_server_says_whether_to_come_back():
    with pytest.raises(Refused, match="unauthorized"):
        begun(None)[0].receive(protocol.disconnect("unauthorized", reconnect=False))
    with pytest.raises(Disconnected, match="server_restart"):
        begun(None)[0].receive(protocol.disconnect("server_restart", reconnect=True))
    with pytest.raises(Refused):
        begun(None)[0].receive(protocol.reject_subscription(IDENTIFIER))


@pytest.mark.parametrize(
    "text",
    [
        b"bytes",
        "no JSON",
        "[]",
        "[" * 100_000,
        '{"message":5}',
        '{"message":{"action":"x"},"epoch":"e","offset":1}',
        '{"message":{"action":"x","id":1},"epoch":"e"}',
    ],
)
def test_what_no_cable_says_is_named(text):
    with pytest.raises(Disconnected, match="this is no cable"):
        begun(None)[0].receive(text)


def test_a_type_that_is_not_known_says_nothing():
    assert begun(None)[0].receive('{"type":"news"}') == []


@pytest.mark.parametrize("text", ["", "e", "e-", "e-x", "e-٣", "e" * 64 + "-1"])
def test_what_is_no_position(text):
    assert not is_position(text)
    with pytest.raises(ValueError, match="is not a position"):
        planned("ws://127.0.0.1/cable", position=text)


@pytest.mark.parametrize("url", ["http://127.0.0.1/cable", "ws://[", "/cable", "ws://"])
def test_what_is_no_url(url):
    with pytest.raises(ValueError, match="is not a URL such as"):
        planned(url)


def test_a_token_is_shown_nowhere():
    assert "hunter2" not in repr(planned("ws://127.0.0.1/cable", token="hunter2", headers={"X": "hunter2"}))


def test_waits_grow_to_a_limit_and_begin_anew_after_a_good_connection(monkeypatch):
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    backoff = Backoff()
    waits = [backoff.after(0) for _ in range(8)]
    assert all(later >= earlier for earlier, later in pairwise(waits))
    assert (waits[0], waits[-1]) == (1, LONGEST_WAIT)
    assert backoff.after(GOOD_AFTER) == 1
