import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.handshake.authentication import parse_handshake


def cookies_of(header):
    return parse_handshake([(b"cookie", header.encode("latin-1"))]).cookies


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("Authorization=abc", {"Authorization": "abc"}),
        ("a=1; Authorization=abc;b=2", {"a": "1", "Authorization": "abc", "b": "2"}),
        ("Authorization=abc=def==", {"Authorization": "abc=def=="}),
        ('Authorization="abc"', {"Authorization": '"abc"'}),
        ("Authorization=abc; Authorization=other", {"Authorization": "abc"}),
        ("junk; =x; Authorization=abc", {"": "x", "Authorization": "abc"}),
        ("", {}),
    ],
)
def test_cookies_are_read_as_they_were_sent(header, cookies):
    assert cookies_of(header) == cookies


@given(st.binary())
def test_no_header_raises(value):
    parse_handshake([(b"cookie", value), (value, value)])


def test_credentials_never_show_in_a_representation():
    handshake = parse_handshake([(b"cookie", b"Authorization=topsecret"), (b"authorization", b"topsecret")])
    assert "topsecret" not in repr(handshake)
