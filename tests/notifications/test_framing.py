import pytest
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

from notifications.wire.framing import EXTENSION, direct_write_of, text_frame


def parsed(data):
    client = ClientProtocol(parse_uri("ws://localhost/"), max_size=None)
    client.state = client.state.OPEN
    client.parser = client.parse()
    next(client.parser)
    client.receive_data(data)
    [frame] = client.events_received()
    return frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_a_frame_of_any_size_is_what_a_client_of_the_rfc_reads(size):
    text = "x" * size
    frame = parsed(text_frame(text))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text.encode())


def test_the_length_counts_bytes_not_characters():
    assert bytes(parsed(text_frame("ü" * 100)).data) == ("ü" * 100).encode()


def test_a_frame_is_not_masked():
    assert not text_frame("x")[1] & 0x80


def test_a_server_without_the_extension_has_no_direct_write():
    assert direct_write_of({"type": "websocket"}) is None
    assert direct_write_of({"extensions": {"websocket.http.response": {}}}) is None
    assert direct_write_of({"extensions": {EXTENSION: {"write": print}}}) is print
