"""ActionCable's frames and commands, as text. No database, no event loop."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.wire import protocol
from notifications.wire.protocol import Command, HistoryRequest, Identifier

I = '{"channel":"NotificationsChannel"}'  # noqa: E741 the name that the protocol's cases use

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        (["actioncable-v1-json", "actioncable-unsupported"], "actioncable-v1-json"),
        (["actioncable-unsupported"], "actioncable-unsupported"),
        (["actioncable-v1-ext-json", "anycable-token.x"], "actioncable-v1-ext-json"),
        (["custom", "actioncable-v1-json"], "actioncable-v1-json"),
        (["foo"], None),
        ([], None),
    ],
)
def test_the_first_offer_that_we_speak_is_selected(offered, selected):
    assert protocol.select_subprotocol(offered) == selected


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (protocol.welcome(), '{"type":"welcome"}'),
        (protocol.welcome("abc"), '{"type":"welcome","sid":"abc"}'),
        (protocol.ping(1700000000), '{"type":"ping","message":1700000000}'),
        (
            protocol.confirm_subscription(I),
            '{"identifier":"{\\"channel\\":\\"NotificationsChannel\\"}","type":"confirm_subscription"}',
        ),
        (protocol.reject_subscription("x"), '{"identifier":"x","type":"reject_subscription"}'),
        (protocol.confirm_history("x"), '{"type":"confirm_history","identifier":"x"}'),
        (protocol.reject_history("x"), '{"type":"reject_history","identifier":"x"}'),
        (
            protocol.disconnect("unauthorized", reconnect=False),
            '{"type":"disconnect","reason":"unauthorized","reconnect":false}',
        ),
        (protocol.disconnect(None, reconnect=True), '{"type":"disconnect","reason":null,"reconnect":true}'),
        (protocol.message(protocol.message_head("x"), '{"id":1}'), '{"identifier":"x","message":{"id":1}}'),
        (
            protocol.positioned_message(
                protocol.message_head("x"), '{"id":1}', protocol.position_of("user.1", "e"), 7
            ),
            '{"identifier":"x","message":{"id":1},"stream_id":"user.1","epoch":"e","offset":7}',
        ),
    ],
)
def test_a_frame_is_byte_for_byte_what_rails_or_anycable_sends(frame, text):
    assert frame == text


def test_what_could_end_a_script_is_escaped_as_rails_does():
    assert protocol.encode("é<&>\u2028\u2029") == '"é\\u003c\\u0026\\u003e\\u2028\\u2029"'


@given(json_values)
def test_whatever_is_encoded_can_be_sent_and_reads_back_the_same(value):
    text = protocol.encode(value)
    text.encode("utf-8")
    assert protocol.decode(text) == value


def test_a_lone_surrogate_is_escaped_since_utf8_has_none():
    assert protocol.encode("\ud800") == '"\\ud800"'


@given(st.text(min_size=1), st.sampled_from(["subscribe", "unsubscribe", "message"]), st.booleans())
def test_a_command_reads_back_as_it_was_written(identifier, name, extended):
    text = json.dumps({"command": name, "identifier": identifier, "zzz": 1})
    assert protocol.parse_command(text, extended=extended) == Command(name, identifier)


@given(st.text() | json_values.map(json.dumps), st.booleans())
def test_no_text_raises_anything_but_a_protocol_error(text, extended):
    try:
        command = protocol.parse_command(text, extended=extended)
        protocol.parse_identifier(command.identifier)
    except protocol.ProtocolError:
        pass


@given(json_values)
def test_no_history_value_raises_anything(history):
    found = protocol.parse_history(history, "user.1")
    assert found is None or isinstance(found, HistoryRequest)


NONSENSE = [
    "hello",
    "",
    "[1]",
    "null",
    '"x"',
    "5",
    "NaN",
    "Infinity",
    "[" * 100_000,
    "9" * 5_000,
    '{"a":NaN}',
]


@pytest.mark.parametrize("text", NONSENSE)
def test_what_is_no_json_object_is_malformed(text):
    with pytest.raises(protocol.MalformedFrame):
        protocol.parse_command(text, extended=True)


@pytest.mark.parametrize("identifier", [None, "", 7, {"channel": "NotificationsChannel"}, [], True])
def test_an_identifier_that_is_no_text_is_malformed(identifier):
    text = json.dumps({"command": "subscribe", "identifier": identifier})
    with pytest.raises(protocol.MalformedFrame):
        protocol.parse_command(text, extended=False)


@pytest.mark.parametrize("name", ["nope", "history", "pong", "ping", "whisper", "join", "leave", "presence"])
def test_the_base_protocol_knows_three_commands_only(name):
    with pytest.raises(protocol.UnknownCommand):
        protocol.parse_command(json.dumps({"command": name, "identifier": I}), extended=False)


@pytest.mark.parametrize("name", ["pong", "ping", "whisper", "join", "leave", "presence"])
def test_the_extended_protocol_takes_commands_that_it_ignores(name):
    assert protocol.parse_command(json.dumps({"command": name}), extended=True) == Command(name)


def test_history_travels_on_the_extended_protocol_only():
    text = json.dumps({"command": "subscribe", "identifier": I, "history": {"since": 1}})
    assert protocol.parse_command(text, extended=True).history == {"since": 1}
    assert protocol.parse_command(text, extended=False).history is None


@pytest.mark.parametrize(
    "identifier", ["nope", "[]", '"x"', "5", "null", "{}", '{"channel":5}', "[" * 100_000, "9" * 5_000]
)
def test_an_identifier_without_a_channel_is_malformed(identifier):
    with pytest.raises(protocol.MalformedFrame):
        protocol.parse_identifier(identifier)


def test_another_channel_is_unknown():
    with pytest.raises(protocol.UnknownChannel):
        protocol.parse_identifier('{"channel":"NopeChannel"}')


@pytest.mark.parametrize(
    ("since", "read"), [(1700000000, 1700000000), (0, 0), ("x", None), (-1, None), (1.5, None), (True, None)]
)
def test_since_in_an_identifier_is_a_whole_number_of_seconds(since, read):
    identifier = json.dumps({"channel": "NotificationsChannel", "since": since})
    request = None if read is None else HistoryRequest(since=read)
    assert protocol.parse_identifier(identifier) == Identifier("NotificationsChannel", request)


def test_a_position_in_an_identifier_decides_alone():
    identifier = json.dumps({"channel": "NotificationsChannel", "position": "a-b-17", "since": 5})
    assert protocol.parse_identifier(identifier).request == HistoryRequest(epoch="a-b", offset=17)
    assert protocol.parse_position(protocol.position_text("a-b", 17)) == HistoryRequest(
        epoch="a-b", offset=17
    )


@pytest.mark.parametrize(
    "position",
    [None, 5, "", "x", "-5", "x-", "x-1.5", "x-\u0661", f"x-{'9' * 19}", "x" * 65, ["x-1"]],
)
def test_what_is_no_position_is_malformed(position):
    assert protocol.parse_position(position) == HistoryRequest(malformed=True)
    assert protocol.parse_history({"position": position}, "user.1") == HistoryRequest(malformed=True)


@pytest.mark.parametrize(
    "history", [None, False, 5, [], "x", {}, {"since": 0}, {"since": -1}, {"since": "x"}]
)
def test_a_history_that_asks_for_nothing_is_not_answered(history):
    assert protocol.parse_history(history, "user.1") is None


@pytest.mark.parametrize(
    ("history", "request_"),
    [
        ({"since": 5}, HistoryRequest(since=5)),
        ({"since": 5, "streams": []}, HistoryRequest(since=5)),
        ({"streams": {}}, HistoryRequest()),
        ({"streams": {"user.2": {"epoch": "e", "offset": 1}}}, HistoryRequest()),
        ({"since": 5, "streams": {"user.2": {}}}, HistoryRequest(since=5)),
        (
            {"since": 5, "streams": {"user.1": {"epoch": "e", "offset": 9}}},
            HistoryRequest(epoch="e", offset=9),
        ),
    ],
)
def test_the_position_of_our_stream_decides_alone_else_since_does(history, request_):
    assert protocol.parse_history(history, "user.1") == request_


@pytest.mark.parametrize(
    "position",
    [
        None,
        5,
        [],
        {},
        {"epoch": 5, "offset": 1},
        *({"epoch": "e", "offset": bad} for bad in ("x", -1, 1.5, True)),
    ],
)
def test_a_position_that_cannot_be_read_is_malformed(position):
    found = protocol.parse_history({"since": 5, "streams": {"user.1": position}}, "user.1")
    assert found == HistoryRequest(malformed=True)


def test_ten_thousand_streams_are_malformed():
    streams = {f"user.{number}": {"epoch": "e", "offset": 1} for number in range(10_000)}
    assert protocol.parse_history({"streams": streams}, "user.1") == HistoryRequest(malformed=True)


def test_identifiers_that_clients_make_up_are_not_kept():
    for number in range(10_000):
        protocol.message_head(json.dumps({"channel": "NotificationsChannel", "x": f"{number}" * 100}))
        protocol.message_head(str(number))
    assert protocol._cached_head.cache_info().currsize <= 1024
    assert protocol.message_head("x" * 1_000) is not protocol.message_head("x" * 1_000)
