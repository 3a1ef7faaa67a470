"""B12-B31, and E39 for the same on the extended protocol. One test per case, named after it."""

import json
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.cable import BASE, EXTENDED, SPACED, I, confirmed

SUB = json.dumps({"command": "subscribe", "identifier": I}).encode()
CONF = '{"identifier":"{\\"channel\\":\\"NotificationsChannel\\"}","type":"confirm_subscription"}'


@pytest.fixture(params=[BASE, EXTENDED], ids=["base", "extended"])
def socket(request, server, cooper):
    with server.connect(cooper, subprotocols=request.param) as found:
        yield found


def is_extended(socket):
    return socket.subprotocol == EXTENDED[0]


def test_b12_a_subscribe_is_confirmed_byte_for_byte(socket):
    socket.command("subscribe")
    socket.frame()
    assert socket.texts[-1] == CONF


def test_b13_the_identifier_comes_back_with_its_space(socket):
    socket.command("subscribe", SPACED)
    assert socket.frame() == confirmed(SPACED)


@pytest.mark.parametrize("extra", ["é<&>", "\u2028", '"\\', "x" * 10_000, "\x00", "😀"])
def test_b14_any_parameter_comes_back_equal(socket, extra):
    identifier = json.dumps({"channel": "NotificationsChannel", "x": extra}, ensure_ascii=False)
    socket.command("subscribe", identifier)
    assert socket.frame() == confirmed(identifier)


def test_b15_of_three_subscribes_one_is_confirmed(socket):
    for _ in range(3):
        socket.command("subscribe")
    assert socket.frame() == confirmed()
    socket.assert_nothing_came()


def test_b16_repeated_subscribes_change_nothing(site, socket, cooper):
    socket.subscribe()
    for _ in range(6):
        socket.command("subscribe")
    task = site.new_task(cooper)
    assert socket.message() == {"action": "create#tasks", "id": task}
    socket.assert_nothing_came()


def test_b17_a_subscribe_sent_before_the_welcome_is_answered_once_after_it(server, cooper):
    with server.connect(cooper, welcomed=False) as socket:
        socket.command("subscribe")
        assert socket.frame() == {"type": "welcome"}
        socket.command("subscribe")
        assert socket.frame() == confirmed()
        socket.assert_nothing_came()


def test_b18_two_spellings_are_two_subscriptions(site, socket, cooper):
    socket.subscribe(I)
    socket.subscribe(SPACED)
    site.new_task(cooper)
    frames = [socket.frame(), socket.frame()]
    assert [frame["identifier"] for frame in frames] == [I, SPACED]
    assert frames[0]["message"] == frames[1]["message"]


def test_b19_an_unknown_channel_is_answered_with_silence(socket):
    socket.command("subscribe", '{"channel":"NopeChannel"}')
    socket.assert_nothing_came()


@pytest.mark.parametrize("identifier", ["nope", "[]", '"x"', "5", "null", "{}", '{"channel":5}'])
def test_b20_an_identifier_that_names_no_channel_is_answered_with_silence(socket, identifier):
    socket.command("subscribe", identifier)
    socket.assert_nothing_came()


@pytest.mark.parametrize("identifier", ["", None, 7, {"channel": "NotificationsChannel"}])
def test_b21_an_identifier_that_is_no_text_is_answered_with_silence(socket, identifier):
    socket.command("subscribe", identifier)
    socket.send(command="subscribe")
    socket.assert_nothing_came()


def test_b22_an_unsubscribe_of_nothing_is_answered_with_silence(socket):
    socket.command("unsubscribe")
    socket.send(command="unsubscribe")
    socket.assert_nothing_came()


def test_b23_after_an_unsubscribe_nothing_is_delivered(site, socket, cooper):
    other = json.dumps({"channel": "NotificationsChannel", "other": True})
    socket.subscribe()
    socket.command("unsubscribe")
    socket.subscribe(other)  # its confirmation says that the unsubscribe was carried out
    task = site.new_task(cooper)
    frame = socket.frame()
    assert (frame["identifier"], frame["message"]["id"]) == (other, task)
    socket.assert_nothing_came()


def test_b24_fifty_rounds_are_confirmed_fifty_times(socket):
    for _ in range(50):
        socket.command("unsubscribe")
        socket.command("subscribe")
    for _ in range(50):
        assert socket.frame() == confirmed()
    socket.assert_nothing_came()


@pytest.mark.parametrize("data", ['{"action":"nope"}', "{}", "[]", "zzz", {"action": "nope"}, None])
def test_b25_messages_are_answered_with_silence(socket, data):
    socket.subscribe()
    socket.command("message", data=data)
    socket.command("message")
    socket.assert_nothing_came()


def test_b26_a_message_without_a_subscription_is_answered_with_silence(socket):
    socket.command("message", data="{}")
    socket.assert_nothing_came()


@pytest.mark.parametrize(
    "frame",
    [
        {"command": "nope"},
        {},
        {"command": None},
        {"command": "pong"},
        {"command": "ping"},
        {"command": ["subscribe"], "identifier": I},
        {"identifier": I, "command": "history", "history": {"since": 1}},
    ],
)
def test_b27_an_unknown_command_is_answered_with_silence(socket, frame):
    socket.send(**frame)
    socket.assert_nothing_came()


@pytest.mark.parametrize(
    "text",
    ["hello", "", "[1]", "null", '"x"', "5", "NaN", "9" * 5_000, "[" * 60_000, '{"a":' * 10_000],
    ids=lambda text: text[:8] or "empty",
)
def test_b28_what_is_no_json_object_is_answered_with_silence(socket, text):
    socket.socket.send(text)
    socket.assert_nothing_came()


@pytest.mark.parametrize("data", [b"\x00\xff", SUB, b""])
def test_b29_a_binary_frame_is_ignored(socket, data):
    socket.socket.send(data)
    socket.assert_nothing_came()


def test_b30_a_lone_surrogate_comes_back_equal(socket):
    identifier = '{"channel":"NotificationsChannel","x":"\ud800"}'
    socket.command("subscribe", identifier)
    assert socket.frame() == confirmed(identifier)
    socket.assert_nothing_came()


def test_b31_on_base_history_is_an_unknown_key(site, server, cooper):
    site.new_task(cooper)
    with server.connect(cooper) as socket:
        socket.subscribe(history={"since": 1}, zzz=1)
        socket.assert_nothing_came()


def test_a_frame_over_the_limit_costs_the_socket_with_a_reason(socket):
    socket.socket.send("x" * (64 * 1024 + 1))
    assert socket.frame() == {"type": "disconnect", "reason": "limit_exceeded", "reconnect": False}
    assert socket.close_code() == 4029


def test_c2_identifiers_that_are_too_long_together_cost_the_socket_with_a_reason(socket):
    for mark in "ab":
        socket.command("subscribe", json.dumps({"channel": "NotificationsChannel", "mark": mark * 20_000}))
    assert socket.frame()["type"] == "confirm_subscription"
    assert socket.frame() == {"type": "disconnect", "reason": "limit_exceeded", "reconnect": False}
    assert socket.close_code() == 4029


@pytest.mark.parametrize("identifier", [I, '{"channel":"Turbo::StreamsChannel"}'])
def test_e1_two_thousand_subscribes_that_change_nothing_do_not_end_the_socket(socket, identifier):
    socket.subscribe()
    for _ in range(2_000):
        socket.command("subscribe", identifier)
    socket.assert_nothing_came()


def test_e1_who_was_too_fast_may_come_back(socket):
    with suppress(ConnectionClosed):  # it is closed before it has sent them all
        for _ in range(400):
            socket.command("unsubscribe", "x")
    assert socket.frame() == {"type": "disconnect", "reason": "limit_exceeded", "reconnect": True}
    assert socket.close_code() == 4029


def test_invalid_utf8_closes_with_its_own_code(socket):
    socket.socket.send(b"\xff\xfe", text=True)
    assert socket.close_code() == 1007


def test_d1_a_subscribe_that_fails_tells_the_client_to_come_back_and_a_retry_works(site, cooper):
    server = site.serve(DJANGO_SETTINGS_MODULE="tests.support.hooks.settings", LESSY_TEST_HOOK="failing_join")
    with server.connect(cooper) as socket:
        socket.command("subscribe")
        assert socket.frame() == {"type": "disconnect", "reason": "unavailable", "reconnect": True}
        assert socket.close_code() == 1000
    with server.connect(cooper) as socket:
        socket.subscribe()
        task = site.new_task(cooper)
        assert socket.message() == {"action": "create#tasks", "id": task}
    assert "as code that fails while subscribing" in server.child.log
