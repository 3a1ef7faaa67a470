import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.handshake.origins import can_match, is_allowed, parse_origin

OWN = "https://lessy.example"
ALLOWED = ("https://app.example", "http://app.example:3000", "https://bücher.example")

HOSTILE = [
    "",
    "null",
    "https://evil.example",
    "http://lessy.example",
    "https://lessy.example:444",
    "https://lessy.example:0",
    "https://lessy.example:443443",
    "https://lessy.example.evil.example",
    "https://evil-lessy.example",
    "https://sub.lessy.example",
    "https://lessy.example@evil.example",
    "https://evil.example@lessy.example",
    "https://user:secret@lessy.example",
    "https://lessy.example/",
    "https://lessy.example/path",
    "https://lessy.example?",
    "https://lessy.example#",
    "https://lessy.example\\@evil.example",
    "https://lessy.example\\.evil.example",
    "https://lessy.example%00.evil.example",
    "https://lessy.example%2eevil.example",
    "https://lessy.example\x00",
    "https://lessy.example\n",
    "https://lessy.example\r\nOrigin: https://lessy.example",
    " https://lessy.example",
    "https://lessy.example ",
    "https://lessy.example https://evil.example",
    "https://evil.example, https://lessy.example",
    "https://lessy.example..",
    "https://.lessy.example",
    "https://lessy..example",
    "https://lessy.examp1e",
    "https://lеssy.example",  # a Cyrillic е
    "https://[",
    "http://[",
    "http://[::1",
    "https://[::1]",
    "https://[::ffff:127.0.0.1%25lessy.example]",
    "https://",
    "//lessy.example",
    "lessy.example",
    "https:lessy.example",
    "https:/lessy.example",
    "https:///lessy.example",
    "wss://lessy.example",
    "file://lessy.example",
    "javascript://lessy.example",
    "chrome-extension://lessy.example",
    "https://*",
    "https://*.example",
    "*",
    "https://app.example:3000",
    "https://xn--bcher-kva.example.evil",
    "https://1.2.3.4",
    "https://0x7f000001",
    "https://lessy.example:",
    "https://lessy.example:+443",
    "https://lessy.example:４４３",
    "h" * 10_000,
    "https://" + "a." * 5_000 + "lessy.example",
]


@pytest.mark.parametrize("origin", HOSTILE)
def test_a_hostile_origin_is_not_admitted(origin):
    assert not is_allowed(origin, own=OWN, allowed=ALLOWED)


@pytest.mark.parametrize(
    "origin",
    [
        "https://lessy.example",
        "https://lessy.example:443",
        "HTTPS://LESSY.EXAMPLE",
        "https://lessy.example.",
        "https://app.example",
        "http://app.example:3000",
        "https://xn--bcher-kva.example",
        "https://BÜCHER.example",
    ],
)
def test_the_same_origin_written_otherwise_is_admitted(origin):
    assert is_allowed(origin, own=OWN, allowed=ALLOWED)


@pytest.mark.parametrize("origin", ["file://", "app://.", "app://-", "ionic://localhost", "app://lessy"])
def test_e7_the_origin_of_an_app_is_admitted_by_its_exact_text(origin):
    assert can_match(origin)
    assert is_allowed(origin, own=OWN, allowed=(*ALLOWED, origin))
    assert not is_allowed(origin, own=OWN, allowed=ALLOWED)
    assert not is_allowed(origin, own=OWN, allowed=(f"{origin}x",))


@pytest.mark.parametrize(
    "origin",
    [
        *("https://*.example.com", "https://*", "app://*", "file://*", "null", "file:///", "file:"),
        *("https://", "http://.", "wss://", "https://user:secret@lessy.example", "https://lessy.example/"),
    ],
)
def test_e7_what_no_origin_can_be_cannot_be_allowed(origin):
    assert not can_match(origin)
    assert not is_allowed(origin, own=OWN, allowed=(origin,))


def test_ipv6_is_compared_by_value():
    assert is_allowed("http://[0:0::1]:8000", own="http://[::1]:8000", allowed=())


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_star_admits_every_page(origin):
    assert is_allowed(origin, own=OWN, allowed=("*",))


def test_an_unreadable_host_of_our_own_admits_nobody():
    assert not is_allowed("https://", own="https://", allowed=())


@given(st.text())
def test_no_origin_raises(text):
    parse_origin(text)
    parse_origin(f"https://{text}")
