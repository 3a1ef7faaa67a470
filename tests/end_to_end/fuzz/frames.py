"""Frames and handshakes that no honest client sends; the same ones for the same seed. Pure."""

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support.cable import EXTENDED, I

KIB = 1024
MAX_FRAME = 64 * KIB

COMMANDS = [
    "subscribe",
    "unsubscribe",
    "message",
    "history",
    "pong",
    "whisper",
    "nope",
    "",
    "SUBSCRIBE",
    "\x00",
]
IDENTIFIERS = [I, '{"channel":"NopeChannel"}', "{}", "[]", "5", "null", "nope", "", '{"channel":5}', "\x00"]

Random = random.Random


def _scalar(rnd: Random) -> Any:
    huge = 10 ** rnd.randint(1, 400)
    odd = [
        None,
        True,
        False,
        0,
        -1,
        1.5,
        -1e308,
        huge,
        -huge,
        "",
        "\x00",
        "\ud800",
        "\u2028",
        "é😀",
        "x" * 2_000,
    ]
    return rnd.choice([*odd, *IDENTIFIERS, rnd.getrandbits(64)])


def _value(rnd: Random, depth: int = 0) -> Any:
    kind = rnd.random()
    if depth > 4 or kind < 0.6:
        return _scalar(rnd)
    if kind < 0.8:
        return [_value(rnd, depth + 1) for _ in range(rnd.randint(0, 4))]
    keys = ["channel", "since", "streams", "epoch", "offset", "command", "\x00", "a"]
    return {rnd.choice(keys): _value(rnd, depth + 1) for _ in range(rnd.randint(0, 4))}


def _identifier(rnd: Random) -> Any:
    made = {
        "channel": rnd.choice(["NotificationsChannel", _scalar(rnd)]),
        "since": _value(rnd),
        "a": _scalar(rnd),
    }
    return rnd.choice([rnd.choice(IDENTIFIERS), json.dumps(made), _value(rnd)])


def _command(rnd: Random) -> dict[str, Any]:
    frame = {"command": rnd.choice(COMMANDS), "identifier": _identifier(rnd)}
    for key in ("data", "history", "presence", "type", "\x00"):
        if rnd.random() < 0.2:
            frame[key] = _value(rnd)
    if rnd.random() < 0.2:
        frame.pop(rnd.choice(list(frame)))
    return frame


def wrong_types(rnd: Random) -> bytes:
    return json.dumps(_command(rnd)).encode()


def wrong_history(rnd: Random) -> bytes:
    position = {"epoch": _scalar(rnd), "offset": _scalar(rnd)}
    history = {
        "since": _scalar(rnd),
        "streams": {f"user.{rnd.randint(0, 9)}": rnd.choice([position, _value(rnd)])},
    }
    return json.dumps({"command": "history", "identifier": I, "history": history}).encode()


def any_json(rnd: Random) -> bytes:
    return json.dumps(_value(rnd)).encode()


def raw_text(rnd: Random) -> bytes:
    """With raw characters where JSON wants them escaped, or none of them."""
    text = json.dumps(_command(rnd), ensure_ascii=False)
    return text.replace("\\u", rnd.choice(["", "\\", "\x00"])).encode("utf-8", "surrogatepass")


def flipped_bytes(rnd: Random) -> bytes:
    data = bytearray(wrong_types(rnd))
    for _ in range(rnd.randint(1, 4)):
        data[rnd.randrange(len(data))] = rnd.getrandbits(7)
    return bytes(data)


def cut_off(rnd: Random) -> bytes:
    data = wrong_types(rnd)
    return data[: rnd.randrange(len(data))]


def noise(rnd: Random) -> bytes:
    return rnd.randbytes(rnd.randint(0, 64))


def nesting(rnd: Random) -> bytes:
    opening = rnd.choice(["[", '{"a":', '{"command":"subscribe","identifier":[', '[{"a":'])
    return (opening * rnd.randint(10, 4_000)).encode()


def constants(rnd: Random) -> bytes:
    return rnd.choice(
        [b"", b" ", b"NaN", b"-Infinity", b"\xef\xbb\xbf{}", b"{}{}", b"9" * 5_000, b'{"a":1e999}']
    )


def duplicate_keys(rnd: Random) -> bytes:
    first, second = wrong_types(rnd), wrong_types(rnd)
    return first[:-1] + b"," + second[1:]


def large(rnd: Random) -> bytes:
    """Up to the limit, or over it."""
    size = rnd.choice([MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 3 * MAX_FRAME])
    return b'{"command":"message","data":"'.ljust(size, b"x")


# By weight: what is large, or ends the socket, is rarer.
KINDS: dict[Callable[[Random], bytes], int] = {
    wrong_types: 30,
    wrong_history: 15,
    any_json: 10,
    raw_text: 10,
    flipped_bytes: 15,
    cut_off: 10,
    noise: 3,
    nesting: 3,
    constants: 5,
    duplicate_keys: 5,
    large: 1,
}


def malformed_frame(rnd: Random) -> tuple[bytes, bool]:
    """Its bytes, and whether it is sent as text."""
    [make] = rnd.choices(list(KINDS), list(KINDS.values()))
    return make(rnd), rnd.random() < 0.9


def must_end_the_socket(data: bytes, text: bool) -> bool:
    """Over the limit; or text that is not UTF-8, which the websocket protocol itself forbids."""
    if len(data) > MAX_FRAME:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return text
    return False


# Handshakes


def _header_value(rnd: Random) -> bytes:
    odd = [
        b"",
        b"null",
        b"x" * 5_000,
        b"\xff\xfe",
        b"\x00",
        b"a;b=c;;=",
        b'"',
        b"%00%ff%zz",
        b"http://[",
        b"::1",
    ]
    return rnd.choice([*odd, rnd.randbytes(12).replace(b"\r", b"").replace(b"\n", b"")])


def _cookie(rnd: Random) -> bytes:
    token = rnd.choice([b"a.b.c", b"eyJhbGciOiJub25lIn0.e30.", b"9" * 4_000, _header_value(rnd)])
    quoted = rnd.choice([b"%s", b'"%s"', b"Bearer%%20%s", b"%%22%s"]) % token
    return b"; ".join([b"Authorization=" + quoted] * rnd.randint(1, 3))


def malformed_handshake(rnd: Random, port: int) -> bytes:
    """A whole request; whatever else is wrong with it, it brings no valid token."""
    path = rnd.choice(
        [b"/cable", b"/cable/", b"/cable?sid=\xff", b"/cable?" + b"a" * 3_000, b"/%00", b"/cable%2f"]
    )
    headers: list[tuple[bytes, bytes]] = [
        (b"Host", b"127.0.0.1:%d" % port),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Version", b"13"),
        (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (
            b"Sec-WebSocket-Protocol",
            rnd.choice([EXTENDED[0].encode(), b"foo, bar", b",", _header_value(rnd)]),
        ),
        (b"Cookie", _cookie(rnd)),
        (b"Origin", _header_value(rnd)),
        (b"Authorization", rnd.choice([b"Basic %", b"Bearer", b"Bearer  x", _header_value(rnd)])),
    ]
    for _ in range(rnd.randint(0, 3)):
        headers.pop(rnd.randrange(1, len(headers)))
    if rnd.random() < 0.3:
        # Not Host: Django logs a foreign one with its traceback, as it does everywhere.
        headers.append(rnd.choice(headers[1:]))
    rnd.shuffle(headers)
    lines = [name + b": " + value for name, value in headers]
    return b"GET " + path + b" HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"
