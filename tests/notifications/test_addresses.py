import pytest

from notifications.handshake.addresses import client_address

PEER = "198.51.100.1"


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ([], 0, PEER),
        (["203.0.113.9"], 0, PEER),
        ([], 1, PEER),
        (["203.0.113.9"], 1, "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9"], 1, "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9"], 1, "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9, 10.0.0.1"], 2, "203.0.113.9"),
        (["203.0.113.9"], 2, "203.0.113.9"),
        (["203.0.113.9:4711"], 1, "203.0.113.9"),
        (["[2001:db8:1:2:3::4]:4711"], 1, "2001:db8:1:2::/64"),
        (["::ffff:203.0.113.9"], 1, "203.0.113.9"),
    ],
)
def test_only_what_our_own_proxies_appended_is_believed(forwarded, proxies, address):
    assert client_address(PEER, forwarded, proxies) == address


def test_addresses_of_one_ipv6_network_are_one():
    assert client_address("2001:db8::1", [], 0) == client_address("2001:db8::ffff", [], 0) == "2001:db8::/64"


@pytest.mark.parametrize("peer", [None, "", "127.0.0.1", "127.8.8.8", "::1", "/run/lessy.sock", "unknown"])
def test_this_machine_and_what_is_no_address_have_none(peer):
    assert client_address(peer, [], 0) is None
