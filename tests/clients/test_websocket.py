"""The synchronous connection against a server that completes the handshake of TLS, and says nothing more."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest

from notifications.client import Cable, Disconnected
from notifications.client.websocket import connect
from tests.support.certificates import new_certificate


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """Of localhost, which whoever trusts what the system trusts takes as well."""
    chain = new_certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    return chain


@contextmanager
def silent_server(certificate):
    """Its port. The ticket that OpenSSL sends after the handshake is all that a client reads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("privkey.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            # A client that gives up ends it as it likes.
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                while tls.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def test_the_deadline_of_the_handshake_holds_over_tls(certificate):
    with silent_server(certificate) as port, pytest.raises(TimeoutError):
        connect(f"wss://localhost:{port}/cable", open_timeout=0.5)


def test_the_client_gives_up_a_server_that_is_silent_over_tls(certificate, monkeypatch):
    monkeypatch.setattr("notifications.client.plan.SILENCE", 0.5)
    with silent_server(certificate) as port, pytest.raises(Disconnected, match="the server is silent"):
        list(Cable(f"wss://localhost:{port}/cable", reconnect=False))
