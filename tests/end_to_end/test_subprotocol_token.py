"""A token that is offered as a subprotocol, with the real server: taken, never selected or logged (E10)."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.cable import BASE, EXTENDED
from tests.support.raw import RawSocket

ELSEWHERE = "https://app.example"
GOODBYE = b'{"type":"disconnect","reason":"unauthorized","reconnect":false}\x88\x02\x03\xe8'
UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}


@pytest.fixture(scope="module")
def talking(site):
    """A server that says whatever it has to say, and takes such tokens."""
    server = site.serve(LOG_LEVEL="debug", CABLE_SUBPROTOCOL_TOKEN="on", CABLE_ALLOWED_ORIGINS=ELSEWHERE)
    yield server
    server.stop()


def offer(server, token, *offered, **options):
    return server.connect(subprotocols=[*offered, f"anycable-token.{token}"], origin=ELSEWHERE, **options)


@pytest.mark.parametrize("subprotocol", [BASE[0], EXTENDED[0]])
def test_e10_a_page_of_another_site_hears(site, talking, cooper, subprotocol):
    with offer(talking, cooper.token, subprotocol) as socket:
        assert socket.subprotocol == subprotocol
        socket.command("subscribe")
        socket.until("confirm_subscription")
        task = site.new_task(cooper)
        assert socket.message()["id"] == task


def test_e10_a_token_alone_is_not_selected(talking, cooper):
    socket = RawSocket(talking.port)
    socket.upgrade("", f"Sec-WebSocket-Protocol: anycable-token.{cooper.token}", f"Origin: {ELSEWHERE}")
    assert b"101 Switching" in socket.heard
    assert b"sec-websocket-protocol" not in socket.heard.lower()
    assert cooper.token.encode() not in socket.heard
    socket.close()


@pytest.mark.parametrize(
    "spoil",
    ["", "a" * 5000, "a b", 'a"b', "a/b=", "{token}x", "{token}/"],
    ids=lambda each: each[:9] or "none",
)
def test_e10_what_is_no_token_of_ours_gets_the_word_of_a_wrong_one(talking, cooper, spoil):
    """Whatever cookie the browser adds. By hand: a browser would offer nothing of the kind."""
    offered = f"{BASE[0]}, anycable-token.{spoil.format(token=cooper.token)}"
    socket = RawSocket(talking.port)
    socket.ask(cooper.token, f"Sec-WebSocket-Protocol: {offered}", f"Origin: {ELSEWHERE}")
    assert b'"welcome"' not in socket.hear(GOODBYE).heard
    socket.close()


def test_e10_two_tokens_are_none(talking, cooper, audrey):
    offered = [BASE[0], f"anycable-token.{cooper.token}"]
    with offer(talking, audrey.token, *offered, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_e10_the_origin_counts_all_the_same(talking, cooper):
    with pytest.raises(InvalidStatus):
        talking.connect(subprotocols=[f"anycable-token.{cooper.token}"], origin="https://evil.example")


def test_e10_unless_the_operator_says_so_no_such_token_counts(server, cooper):
    offered = [BASE[0], f"anycable-token.{cooper.token}"]
    with server.connect(subprotocols=offered, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_e10_the_log_has_no_token(talking, cooper):
    token = cooper.token
    offer(talking, token, BASE[0]).close()
    offer(talking, f"{token}x", BASE[0], welcomed=False).close()
    offered = [BASE[0], f"anycable-token.{token}"]
    for options in ({"origin": "https://evil.example"}, {"query": "x"}):
        with pytest.raises(InvalidStatus):
            talking.connect(subprotocols=offered, **options)
    with pytest.raises(InvalidStatus):  # the same twice is no handshake
        offer(talking, token, *offered)
    headers = {"Sec-WebSocket-Protocol": ", ".join(offered)}
    # As a proxy passes it on that does not know of websockets.
    assert httpx.get(f"{talking.url}/cable", headers=headers).status_code == 404
    talking.wait_for_log('"path": "/cable"')
    _, payload, signature = token.split(".")
    for part in (payload, signature):
        assert part not in talking.child.log
