"""What a handshake may name: its path, its host and its origin. The application itself is not reached."""

import pytest

from notifications import routing
from notifications.ground import limits
from notifications.handshake import middleware
from notifications.handshake.authentication import parse_handshake


@pytest.fixture
def admitted(monkeypatch):
    """A function: whether a handshake gets past the guards. Of headers, and of what else its scope has."""
    reached = []

    class Consumer:
        @staticmethod
        def as_asgi():
            async def reach(scope, receive, send):
                reached.append(scope)

            return reach

    monkeypatch.setattr(routing, "CableConsumer", Consumer)
    for module in (routing, middleware):
        monkeypatch.setattr(module, "seldom", limits.Seldom())

    async def ask(path="/cable", headers=None, **scope):
        reached.clear()
        sent = []

        async def send(message):
            sent.append(message)

        named = headers.items() if isinstance(headers, dict) else headers or ()
        encoded = [(name.encode(), value.encode()) for name, value in named]
        whole = {"type": "websocket", "path": path, "headers": encoded, "client": ("192.0.2.1", 1), **scope}
        await routing.cable_application()(whole, None, send)
        assert bool(reached) != (sent == [{"type": "websocket.close"}])
        return bool(reached)

    return ask


@pytest.mark.parametrize(
    ("path", "root", "forced"),
    [
        ("/cable", "", None),
        ("/app/cable", "/app", None),
        ("/app/cable/", "/app/", None),
        ("/app/cable", "", "/app"),
        # Of servers that leave the root out of the path.
        ("/cable", "/app", None),
    ],
)
async def test_e2_the_cable_is_found_below_a_prefix(admitted, settings, path, root, forced):
    settings.FORCE_SCRIPT_NAME = forced
    assert await admitted(path, root_path=root)


@pytest.mark.parametrize(
    ("root", "forced", "expected"),
    [
        ("", None, "/cable or /cable/"),
        ("/app", None, "/app/cable or /app/cable/"),
        ("/other", "/app/", "/app/cable or /app/cable/"),
    ],
)
async def test_e2_a_wrong_path_is_named_beside_the_right_one(
    admitted, settings, caplog, root, forced, expected
):
    settings.FORCE_SCRIPT_NAME = forced
    assert not await admitted("/apple/cable", root_path=root)
    assert caplog.messages == [f"refused a handshake at '/apple/cable': the cable is at {expected}"]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("lessy.example", True),
        ("LESSY.example:8443", True),
        ("evil.example", False),
        ("lessy.example.evil.example", False),
        ("lessy.example@evil.example", False),
        ("lessy.example,evil.example", False),
        ("", False),
    ],
)
async def test_c8_the_host_is_held_against_allowed_hosts(admitted, settings, host, allowed):
    settings.ALLOWED_HOSTS = ["lessy.example"]
    assert await admitted(headers={"host": host}) is allowed


@pytest.mark.parametrize("host", ["localhost:8000", "a.localhost", "127.0.0.1", "[::1]:8000"])
async def test_c8_development_allows_this_machine(admitted, settings, host):
    settings.ALLOWED_HOSTS, settings.DEBUG = [], True
    assert await admitted(headers={"host": host})
    settings.DEBUG = False
    assert not await admitted(headers={"host": host})


async def test_c8_behind_a_proxy_that_names_the_host_that_one_is_judged(admitted, settings):
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["lessy.example"], True
    assert await admitted(headers={"host": "backend", "x-forwarded-host": "lessy.example"})
    assert not await admitted(headers={"host": "lessy.example", "x-forwarded-host": "evil.example"})


async def test_c8_the_log_names_the_host_that_is_not_allowed(admitted, settings, caplog):
    settings.ALLOWED_HOSTS = ["lessy.example"]
    assert not await admitted(headers={"host": "evil.example" + "x" * 300})
    assert "refused a handshake to the host 'evil.examplexxx" in caplog.text
    assert "not in ALLOWED_HOSTS" in caplog.text
    assert "x" * 200 not in caplog.text


@pytest.mark.parametrize("trusted", [True, False])
async def test_e5_behind_a_proxy_that_names_the_host_the_origin_is_compared_with_that(
    admitted, settings, trusted
):
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["lessy.example", "backend"], trusted
    headers = {
        "host": "backend:8000",
        "x-forwarded-host": "lessy.example:8443",
        "origin": "https://lessy.example:8443",
    }
    assert await admitted(headers=headers) is trusted


async def test_e5_the_log_names_both_hosts(admitted, settings, caplog):
    settings.ALLOWED_HOSTS = ["lessy.example"]
    assert not await admitted(headers={"host": "lessy.example", "origin": "https://lessy.example:8443"})
    assert "from the origin 'https://lessy.example:8443' to the host 'lessy.example'" in caplog.text


async def test_e5_behind_a_proxy_that_names_the_host_the_log_has_that_too(admitted, settings, caplog):
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["*"], True
    headers = {"host": "backend:8000", "x-forwarded-host": "app.example", "origin": "https://evil.example"}
    assert not await admitted(headers=headers)
    assert "to the host 'backend:8000' (X-Forwarded-Host: 'app.example')" in caplog.text


OURS = ("host", "lessy.example")


@pytest.mark.parametrize(
    "headers",
    [
        [OURS, ("origin", "https://evil.example"), ("origin", "https://lessy.example")],
        [("host", "evil.example"), OURS, ("origin", "https://lessy.example")],
        [
            ("host", "backend"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-host", "lessy.example"),
            ("origin", "https://lessy.example"),
        ],
        # The first proxy saw TLS: a plain page may be somebody else's.
        [
            OURS,
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "http"),
            ("origin", "http://lessy.example"),
        ],
    ],
)
async def test_e5_of_a_repeated_header_the_last_does_not_decide(admitted, settings, headers):
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["*"], True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert not await admitted(headers=headers)


def test_e8_two_cookie_headers_are_one():
    handshake = parse_handshake([(b"Cookie", b"a=1; b=2"), (b"cookie", b"c=3")])
    assert handshake.cookies == {"a": "1", "b": "2", "c": "3"}
