"""Control frames, close frames and handshakes, as RFC 6455 has them and as nobody should send them."""

import json
import re
import struct
import time
from contextlib import ExitStack

import pytest

from tests.support.processes import Footprint
from tests.support.raw import CLOSE, CONTINUATION, PING, TEXT, RawSocket, frame
from tests.support.waiting import eventually

MEBIBYTE = 1024 * 1024
PONG = b"\x8a"
# 128 bytes with its head and mask: 32 of them are exactly one read of the server.
PINGS = 32 * frame(b"p" * 122, opcode=PING)
SUBSCRIBE = frame(r'{"command":"subscribe","identifier":"{\"channel\":\"NotificationsChannel\"}"}')


@pytest.fixture
def opened():
    """Opens websockets by hand, and closes them after the test."""
    with ExitStack() as sockets:

        def open_(server, **options):
            socket = RawSocket(server.port, **options)
            sockets.callback(socket.close)
            return socket

        yield open_


def send_until_cut_off(socket, data, *, seconds):
    """Returns whether the server ended it in time. How much it takes until then is the network's speed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.send(data)
        except ConnectionError:
            return True
    return False


# C3: floods


@pytest.mark.parametrize(
    "flood",
    [PINGS, 32 * frame(b"p" * 122, opcode=10), 600 * frame(b"", opcode=10)],
    ids=["pings", "pongs", "empty pongs"],
)
def test_c3_a_flood_of_control_frames_costs_the_socket_and_no_memory(site, opened, cooper, flood):
    server = site.serve()
    socket = opened(server, receive_buffer=4096).upgrade(cooper.token)
    footprint = Footprint(server.child.process.pid)
    resident = footprint.resident_bytes
    footprint.reset_peak()
    assert send_until_cut_off(socket, flood, seconds=30)
    assert footprint.peak_bytes - resident < 16 * MEBIBYTE
    server.wait_for_log("too many control frames: over the limit of control_frames")
    server.stop()


def test_c3_a_message_in_a_thousand_empty_pieces_costs_the_socket(server, opened, cooper):
    socket = opened(server).upgrade(cooper.token)
    socket.send(frame(b"", final=False) + 1_000 * frame(b"", opcode=CONTINUATION, final=False))
    socket.hear(frame_of_close(4029)).hear_the_end()


def test_c3_whoever_pings_as_a_client_does_is_answered_each_time(server, opened, cooper):
    socket = opened(server).upgrade(cooper.token)
    for number in range(100):
        socket.send(frame(f"{number}-", opcode=PING))
        socket.hear(PONG + bytes([len(f"{number}-")]) + f"{number}-".encode())


def ready(server):
    """What it has yet to load would count as memory that a socket takes."""
    eventually(lambda: server.request("GET", "/health/ready").status_code == 200, 20)
    return server


def test_c3_to_a_peer_that_does_not_read_only_its_latest_ping_is_answered(site, opened, cooper):
    server = ready(site.serve(SERVER_CONTROL_FRAMES_PER_SECOND="1000000"))
    socket = opened(server, receive_buffer=4096).upgrade(cooper.token)
    footprint = Footprint(server.child.process.pid)
    resident = footprint.resident_bytes
    for _ in range(400):
        socket.send(PINGS)
    socket.send(frame("the last one", opcode=PING))
    assert footprint.resident_bytes - resident < 2 * MEBIBYTE
    socket.hear(b"the last one")
    assert socket.heard.count(PONG + b"\x7a") < 400 * 32
    server.stop()


@pytest.fixture(scope="module")
def slow_server(site):
    """One that takes 3 s to welcome a client."""
    return site.serve(
        DJANGO_SETTINGS_MODULE="tests.support.hooks.settings", LESSY_TEST_HOOK="slow_authentication"
    )


def test_c3_what_is_sent_before_the_welcome_is_not_stored_without_bound(slow_server, opened, cooper):
    server = ready(slow_server)
    footprint = Footprint(server.child.process.pid)
    resident = footprint.resident_bytes
    footprint.reset_peak()
    socket = opened(server)
    socket.ask(cooper.token)
    socket.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        socket.send(b"x" * 64 * MEBIBYTE)
    assert footprint.peak_bytes - resident < 8 * MEBIBYTE


def test_c3_what_is_sent_before_the_welcome_is_no_second_handshake(slow_server, opened, cooper):
    socket = opened(slow_server)
    socket.ask(cooper.token)
    # In the same read as the request it would be lost: a client has to wait for the answer of the upgrade.
    eventually(lambda: socket.unread == 0)
    socket.send(frame("\r\n\r\n") + SUBSCRIBE)
    socket.hear(b"welcome").hear(b"confirm_subscription")


# E9: close frames


def frame_of_close(code):
    """As the server writes it, without a reason."""
    return b"\x88\x02" + struct.pack("!H", code)


def answer_to_close(server, opened, token, payload):
    """What follows the welcome, up to an orderly end: a reset raises ConnectionResetError."""
    socket = opened(server).upgrade(token)
    socket.heard = b""
    socket.send(frame(payload, opcode=CLOSE))
    while chunk := socket.socket.recv(65_536):
        socket.heard += chunk
    return socket.heard[socket.heard.index(b"\x88") :]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1014, 3000, 4029, 4999])
def test_e9_a_legal_close_code_is_echoed(server, opened, cooper, code):
    payload = struct.pack("!H", code) + b"good bye"
    assert answer_to_close(server, opened, cooper.token, payload) == frame_of_close(code)


def test_e9_a_close_without_a_code_is_answered_by_one_without_a_code(server, opened, cooper):
    assert answer_to_close(server, opened, cooper.token, b"") == b"\x88\x00"


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535])
def test_e9_an_illegal_close_code_is_answered_by_1002(server, opened, cooper, code):
    assert answer_to_close(server, opened, cooper.token, struct.pack("!H", code)) == frame_of_close(1002)


def test_e9_a_reason_that_is_no_utf_8_is_answered_by_1007(server, opened, cooper):
    assert answer_to_close(server, opened, cooper.token, b"\x03\xe8\xff") == frame_of_close(1007)


@pytest.mark.parametrize(
    ("illegal", "code"),
    [
        (frame(b"x", opcode=CLOSE), 1002),
        (frame(b"", opcode=3), 1002),
        (frame(b"", opcode=11), 1002),
        (frame(b"", opcode=PING, final=False), 1002),
        (frame(b"x" * 126, opcode=PING), 1002),
        (frame(b"", opcode=CONTINUATION), 1002),
        (frame(b"", opcode=TEXT | 0x40), 1002),
        (b"\x81\x01x", 1002),
        (frame(b"\xff"), 1007),
    ],
    ids=["half code", "data", "control", "pieces", "long ping", "no begin", "rsv", "unmasked", "utf-8"],
)
def test_e9_a_frame_that_breaks_the_protocol_is_answered_with_a_close_code(
    server, opened, cooper, illegal, code
):
    socket = opened(server).upgrade(cooper.token)
    socket.send(illegal)
    socket.hear(struct.pack("!H", code)).hear_the_end()


def test_e9_what_the_server_closes_ends_without_a_reset(server, opened, cooper):
    socket = opened(server)
    socket.ask("no token")
    socket.hear(frame_of_close(1000))
    socket.send(frame(struct.pack("!H", 1000), opcode=CLOSE))
    assert socket.socket.recv(1) == b""


# E6: extensions


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; of_tomorrow=1",
        "permessage-deflate; client_max_window_bits=99",
        "of-tomorrow; level=9, permessage-deflate",
        "permessage-bzip2; garbage",
        ";;,=",
    ],
)
def test_e6_an_extension_is_declined_and_the_socket_accepted(server, opened, cooper, offer):
    socket = opened(server).upgrade(cooper.token, f"Sec-WebSocket-Extensions: {offer}")
    assert b"extensions" not in socket.heard.lower()


# Before the handshake is answered


def test_a_frame_in_the_segment_of_the_handshake_is_not_lost(server, opened, cooper):
    """RFC 6455 has clients wait for the answer; one that does not would wait for ever on an open socket."""
    socket = opened(server)
    socket.ask(cooper.token, then=SUBSCRIBE)
    socket.hear(b"confirm_subscription")
    assert socket.heard.index(b'"welcome"') < socket.heard.index(b"confirm_subscription")


def numbered(number):
    identifier = json.dumps({"channel": "NotificationsChannel", "number": number})
    return frame(json.dumps({"command": "subscribe", "identifier": identifier}))


@pytest.mark.parametrize("count", [2, 90])
def test_frames_of_many_segments_before_the_answer_are_all_heard_in_order(server, opened, cooper, count):
    """Some in the read that brings the handshake, some in the kernel until it is answered."""
    socket = opened(server)
    socket.ask(cooper.token, then=b"".join(map(numbered, range(count))) + SUBSCRIBE)
    socket.hear(rb'{"identifier":"{\"channel\":\"NotificationsChannel\"}","type":"confirm_subscription"}')
    confirmed = re.findall(rb'number\\": (\d+)}","type":"confirm_subscription"', socket.heard)
    assert [int(number) for number in confirmed] == list(range(count))


def test_what_follows_a_handshake_without_a_right_is_not_read(server, opened):
    socket = opened(server)
    socket.ask("nonsense", then=100 * SUBSCRIBE)
    socket.hear_the_end()
    assert b'"unauthorized"' in socket.heard
    assert b"confirm" not in socket.heard
