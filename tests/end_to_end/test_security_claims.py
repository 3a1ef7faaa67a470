"""
What docs/security.md claims of sockets, where no other test does. tests/docs/test_security.py says where each
of its claims is shown.
"""

from tests.support.raw import RawSocket

UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}


def test_c8_a_host_that_is_not_ours_gets_403_and_no_socket(server, cooper):
    socket = RawSocket(server.port)
    socket.host = "evil.example"
    socket.ask(cooper.token)
    socket.hear_the_end()
    assert socket.heard.startswith(b"HTTP/1.1 403 ")
    assert b"welcome" not in socket.heard
    socket.close()
    server.wait_for_log("refused a handshake to the host 'evil.example': not in ALLOWED_HOSTS")


def test_another_secret_key_admits_no_token_of_the_one_before(site, cooper):
    server = site.serve(DJANGO_SECRET_KEY="another-secret-that-is-long-enough-for-an-hs256-signature")
    with server.connect(cooper, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED
    server.stop()


def test_whom_an_order_disconnected_may_come_back_with_a_valid_token(site, server, cooper):
    for words, reconnect in ((), False), (("--reconnect",), True):
        with server.connect(cooper) as socket:
            site.manage("cable_disconnect", "--user", cooper.username, *words)
            assert socket.frame() == {"type": "disconnect", "reason": "remote", "reconnect": reconnect}
    with server.connect(cooper) as socket:
        socket.subscribe()


def test_a_refused_socket_hears_why_and_nothing_else(site, server, cooper):
    with server.connect(token="nonsense", welcomed=False) as socket:
        site.new_task(cooper)
        assert socket.frame() == UNAUTHORIZED
        assert socket.close_code() == 1000
