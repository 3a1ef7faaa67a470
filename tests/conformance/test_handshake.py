"""B1-B11, B39, B42: what happens before the first command. One test per case, named after it."""

import math
import re
import time
from itertools import pairwise

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.cable import BASE, EXTENDED, CableSocket
from tests.support.raw import RawSocket

PING = re.compile(r'\{"type":"ping","message":(\d+)\}')
UNAUTHORIZED = '{"type":"disconnect","reason":"unauthorized","reconnect":false}'


def test_b1_rails_clients_are_given_the_base_protocol_and_welcomed(server, cooper):
    with server.connect(cooper, subprotocols=BASE) as socket:
        assert socket.subprotocol == "actioncable-v1-json"
        assert socket.texts == ['{"type":"welcome"}']


def test_b2_actioncable_unsupported_alone_is_selected(server, cooper):
    with server.connect(cooper, subprotocols=["actioncable-unsupported"]) as socket:
        assert socket.subprotocol == "actioncable-unsupported"


def test_b3_without_an_offer_none_is_selected_and_all_works(server, cooper):
    with server.connect(cooper, subprotocols=[]) as socket:
        assert socket.subprotocol is None
        socket.subscribe()


def test_b4_an_unknown_offer_is_not_selected(server, cooper):
    with server.connect(cooper, subprotocols=["foo"]) as socket:
        assert socket.subprotocol is None


def test_b5_custom_offers_at_the_end_are_ignored(server, cooper):
    with server.connect(cooper, subprotocols=[*BASE, "custom.token"]) as socket:
        assert socket.subprotocol == "actioncable-v1-json"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://localhost"])
def test_b6_a_foreign_origin_is_refused_before_the_upgrade(server, cooper, origin):
    with pytest.raises(InvalidStatus) as refused:
        server.connect(cooper, origin=origin)
    # 400 is autobahn's, for an Origin that is no URL.
    assert refused.value.response.status_code == (400 if origin == "http://[" else 403)


def test_b6_our_own_origin_is_admitted(server, cooper):
    with server.connect(cooper, origin=server.url) as socket:
        socket.subscribe()


def test_b7_a_missing_origin_is_admitted(server, cooper):
    with server.connect(cooper) as socket:
        socket.subscribe()


def test_b7_a_missing_origin_is_refused_where_the_setting_says_so(site, cooper):
    server = site.serve(DJANGO_SETTINGS_MODULE="tests.support.strict_settings")
    with pytest.raises(InvalidStatus):
        server.connect(cooper)
    server.connect(cooper, origin=server.url).close()


@pytest.mark.parametrize("path", ["/cable", "/cable/"])
def test_b8_a_plain_get_of_the_cable_is_a_short_404(server, path):
    answer = httpx.get(f"{server.url}{path}")
    assert answer.status_code == 404
    assert len(answer.text) < 100


def test_the_cable_answers_with_and_without_a_trailing_slash_and_nowhere_else(server, cooper):
    CableSocket(f"{server.cable_url}/", token=cooper.token).close()
    with pytest.raises(InvalidStatus):
        CableSocket(f"{server.cable_url}x", token=cooper.token)


def refusal(server, **options):
    """All that the server says before it closes, and the close code."""
    with server.connect(welcomed=False, **options) as socket:
        text = socket.text()
        return text, socket.close_code()


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Authorization=",
        "Authorization=garbage",
        "Authorization=a.b.c",
        "Other=x",
        "=;;=",
        'Authorization="',
    ],
)
def test_b9_without_valid_credentials_the_socket_is_told_and_closed(server, credentials):
    assert refusal(server, headers={"Cookie": credentials}) == (UNAUTHORIZED, 1000)


def test_b9_an_expired_token_is_refused(site, server):
    assert refusal(server, token=site.new_person(lifetime=-1).token) == (UNAUTHORIZED, 1000)


def test_e4_on_the_extended_protocol_the_client_hears_that_a_new_token_would_help(server, site):
    expired = UNAUTHORIZED.replace("unauthorized", "token_expired")
    person = site.new_person(lifetime=-1)
    assert refusal(server, token=person.token, subprotocols=EXTENDED) == (expired, 1000)
    assert refusal(server, token="garbage", subprotocols=EXTENDED) == (UNAUTHORIZED, 1000)


def test_e4_a_token_that_expires_says_so_on_the_extended_protocol(server, site):
    with server.connect(site.new_person(lifetime=6), subprotocols=EXTENDED) as socket:
        assert socket.frame(20)["reason"] == "token_expired"


def test_b9_a_token_in_the_query_string_is_no_credential(server, cooper):
    assert refusal(server, query=f"?token={cooper.token}&Authorization={cooper.token}") == (
        UNAUTHORIZED,
        1000,
    )


@pytest.mark.parametrize("protocol", ["actioncable-v1-json", "actioncable-v1-ext-json"])
def test_b9_and_e3_both_protocols_are_refused_alike(server, protocol):
    assert refusal(server, subprotocols=[protocol], query="?sid=abc") == (UNAUTHORIZED, 1000)


@pytest.mark.parametrize(
    "cookie",
    ["Authorization={}", "a=1; Authorization={}; b=2", 'Authorization="{}"', "Authorization=Bearer%20{}"],
)
def test_a_token_is_found_in_the_cookie_however_it_is_written(server, cooper, cookie):
    server.connect(headers={"Cookie": cookie.format(cooper.token)}).close()


@pytest.mark.parametrize(
    ("header", "cookie"), [("Bearer {}", "stale"), ("Basic cHJveHk6cGFzc3dvcmQ=", "{}"), ("stale", "{}")]
)
def test_e8_of_a_header_and_a_cookie_the_one_that_is_valid_counts(server, cooper, header, cookie):
    headers = {"Authorization": header.format(cooper.token)}
    headers["Cookie"] = f"Authorization={cookie}".format(cooper.token)
    server.connect(headers=headers).close()


@pytest.mark.parametrize("expired", ["Authorization", "Cookie"])
def test_e8_a_token_that_expired_does_not_beat_one_that_is_valid(site, server, cooper, expired):
    old = site.new_person(lifetime=-1).token
    headers = {"Authorization": cooper.token, "Cookie": f"Authorization={cooper.token}"}
    headers[expired] = headers[expired].replace(cooper.token, old)
    server.connect(headers=headers).close()


def test_e8_of_two_valid_tokens_the_header_counts(site, server, cooper, audrey):
    headers = {"Authorization": cooper.token, "Cookie": f"Authorization={audrey.token}"}
    with server.connect(headers=headers) as socket:
        socket.subscribe()
        site.new_task(audrey)
        task = site.new_task(cooper)
        assert socket.message() == {"action": "create#tasks", "id": task}


def test_e8_a_token_is_found_in_the_second_of_two_cookie_headers(server, cooper):
    raw = RawSocket(server.port)
    lines = [
        *("GET /cable HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"),
        *("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13"),
        *("Cookie: theme=dark", f"Cookie: Authorization={cooper.token}", "", ""),
    ]
    raw.send("\r\n".join(lines).encode())
    raw.hear(b'"welcome"').close()


@pytest.mark.parametrize("header", ["{}", "Bearer {}", "Token {}", "bearer  {}"])
def test_a_token_is_found_in_the_header_with_or_without_a_scheme(server, cooper, header):
    server.connect(headers={"Authorization": header.format(cooper.token)}).close()


@pytest.mark.parametrize("offered", [BASE, EXTENDED], ids=["base", "extended"])
def test_b10_pings_come_at_once_and_then_every_three_seconds(server, cooper, offered):
    """Three in a row that come in time are looked for: a machine that is busy delays one now and then."""
    with server.connect(cooper, subprotocols=offered) as socket:
        arrivals = [time.monotonic()]
        while not in_time(arrivals[-3:]):
            text = socket.text(30)
            named = int(PING.fullmatch(text)[1])
            now = time.time()
            arrivals.append(time.monotonic() if abs(now - named) <= 2 else math.nan)
            assert len(arrivals) < 20, arrivals


def in_time(arrivals):
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    return len(gaps) == 2 and all(2.5 <= gap <= 3.5 for gap in gaps)


@pytest.mark.parametrize("offered", [BASE, EXTENDED], ids=["base", "extended"])
def test_b11_nothing_precedes_the_welcome(server, cooper, offered):
    for _ in range(20):
        with server.connect(cooper, subprotocols=offered, welcomed=False) as socket:
            assert socket.text().startswith('{"type":"welcome"')


def test_b39_a_session_id_means_nothing_on_base(server, cooper):
    with server.connect(cooper, query="?sid=abc") as socket:
        assert socket.texts == ['{"type":"welcome"}']


@pytest.mark.parametrize("subprotocols", [BASE, EXTENDED], ids=["base", "extended"])
def test_b41_when_nobody_can_tell_who_it_is_the_socket_is_closed(site, cooper, subprotocols):
    server = site.serve(
        DJANGO_SETTINGS_MODULE="tests.support.hooks.settings", LESSY_TEST_HOOK="failing_authentication"
    )
    with server.connect(cooper, welcomed=False, subprotocols=subprotocols) as socket:
        assert socket.close_code() == 1011


@pytest.mark.parametrize("subprotocols", [BASE, EXTENDED], ids=["base", "extended"])
def test_b42_compression_is_not_negotiated(server, cooper, subprotocols):
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    with server.connect(cooper, headers=offer, subprotocols=subprotocols) as socket:
        assert "Sec-WebSocket-Extensions" not in socket.socket.response.headers


def asking_for_a_socket(**more):
    """The headers of a handshake, for a client that speaks plain HTTP."""
    request = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    request |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} | more
    return [(name, value.encode("latin-1")) for name, value in request.items()]


def test_an_offer_that_nobody_can_read_is_a_bad_request(server):
    headers = asking_for_a_socket(**{"Sec-WebSocket-Protocol": "\xff"})
    assert httpx.get(f"{server.url}/cable", headers=headers).status_code == 400
    assert "Traceback" not in server.child.log


def test_e8_a_cookie_may_have_company_of_8_kb_and_of_100_it_is_told_so(server, cooper):
    others = "x=" + "y" * 8_000
    server.connect(headers={"Cookie": f"{others}; Authorization={cooper.token}"}).close()
    answer = httpx.get(f"{server.url}/cable", headers=asking_for_a_socket(Cookie="x=" + "y" * 100_000))
    assert answer.status_code == 431
    assert answer.json()["errors"][0]["code"] == "headers_too_large"
    assert "Traceback" not in server.child.log


@pytest.mark.parametrize(("first", "second"), [("{}", "bad"), ("bad", "{}")])
def test_of_two_cookies_of_one_name_the_first_counts(server, cooper, first, second):
    """It has the longer path (RFC 6265, 5.4)."""
    cookies = f"Authorization={first}; Authorization={second}".format(cooper.token)
    with server.connect(headers={"Cookie": cookies}, welcomed=False) as socket:
        assert socket.frame()["type"] == ("disconnect" if first == "bad" else "welcome")


@pytest.mark.parametrize("path", ["/cable", "/cable/"])
def test_b8_a_post_that_asks_for_a_socket_is_no_handshake(server, cooper, path):
    headers = asking_for_a_socket(Authorization=cooper.token)
    assert 400 <= httpx.post(f"{server.url}{path}", headers=headers).status_code < 500


@pytest.mark.parametrize("origin", ["no url", "http://[", "http://"])
def test_an_origin_that_is_no_url_leaves_no_traceback(server, origin):
    answer = httpx.get(f"{server.url}/cable", headers=asking_for_a_socket(Origin=origin))
    assert 400 <= answer.status_code < 500
    server.request("GET", "/health/live")
    assert "Traceback" not in server.child.log
