"""A token that comes as a subprotocol (E10): told to any authenticator as a header, and left nowhere."""

from types import SimpleNamespace

import pytest

from notifications.handshake.authentication import parse_handshake
from notifications.handshake.subprotocol_token import LONGEST, SubprotocolTokenAuthenticator, conceal
from notifications.hub.current import stop_hub
from notifications.testing import CableCommunicator
from notifications.wire import protocol

BASE = "actioncable-v1-json"
TOKEN = "eyJhbGciOi.J9-_~abc.def"
OFFER = f"anycable-token.{TOKEN}"


class ByBearer:
    """Admits whoever has a header, and tells what it was shown."""

    seen = ()

    def authenticate(self, handshakes):
        type(self).seen = tuple(handshakes)
        return [self._admit(handshake.headers.get("authorization")) for handshake in handshakes]

    def _admit(self, header):
        return SimpleNamespace(user_id=1, key=header, expires_at=None) if header else None

    def still_admitted(self, admissions):
        return [admission.key == f"Bearer {TOKEN}" for admission in admissions]


@pytest.fixture
def authenticator():
    ByBearer.seen = ()
    return SubprotocolTokenAuthenticator(ByBearer())


def handshake(*offered, **headers):
    named = {"sec-websocket-protocol": ", ".join(offered), **headers}
    return parse_handshake([(name.encode(), value.encode()) for name, value in named.items()])


def key_of(authenticator, *args, **headers):
    [admission] = authenticator.authenticate([handshake(*args, **headers)])
    return admission and admission.key


@pytest.mark.parametrize("offered", [(BASE, OFFER), (OFFER, BASE), (OFFER,), (BASE, "other", OFFER)])
def test_e10_a_token_is_told_as_a_bearers(authenticator, offered):
    assert key_of(authenticator, *offered) == f"Bearer {TOKEN}"
    [told] = ByBearer.seen
    assert TOKEN not in told.headers["sec-websocket-protocol"]


def test_e10_an_authenticator_with_a_keyword_is_told_with_that():
    class ByKeyword(ByBearer):
        keyword = "Token"

    assert key_of(SubprotocolTokenAuthenticator(ByKeyword()), OFFER) == f"Token {TOKEN}"


def test_e10_without_a_token_nothing_changes(authenticator):
    given = handshake(BASE, authorization="Token abc", cookie="a=1")
    authenticator.authenticate([given])
    assert ByBearer.seen == (given,)


def test_e10_what_the_page_offers_goes_before_what_the_browser_adds(authenticator):
    assert key_of(authenticator, OFFER, authorization="Basic eDp5", cookie="a=1") == f"Bearer {TOKEN}"
    assert ByBearer.seen[0].cookies == {}


@pytest.mark.parametrize(
    "offered",
    [
        ("anycable-token.",),
        (f"anycable-token.{'a' * (LONGEST + 1)}",),
        (OFFER, "anycable-token.other"),
        ("anycable-token.a b",),
        ('anycable-token."a"',),
        ("anycable-token.é",),
        ("anycable-token.a/b==",),
        ("anycable-token.a\rb",),
    ],
)
def test_e10_what_can_be_no_token_is_refused_and_nobody_is_asked(authenticator, offered):
    assert key_of(authenticator, BASE, *offered, cookie="a=1") is None
    assert ByBearer.seen == ()


def test_e10_the_longest_token_is_taken(authenticator):
    assert key_of(authenticator, f"anycable-token.{'a' * LONGEST}") == f"Bearer {'a' * LONGEST}"


def test_e10_of_many_handshakes_each_gets_its_own_answer(authenticator):
    several = [handshake(f"anycable-token.{word}") for word in ("a", "", "b", '"', "c")]
    found = authenticator.authenticate(several)
    assert [each and each.key for each in found] == ["Bearer a", None, "Bearer b", None, "Bearer c"]
    assert authenticator.still_admitted([each for each in found if each]) == [False] * 3


def scope_with(offered, kind=list):
    header = ", ".join(offered).encode()
    return {
        "type": "websocket",
        "path": "/cable",
        "headers": kind([(b"host", b"lessy.example"), (b"Sec-WebSocket-Protocol", header)]),
        "subprotocols": kind(offered),
    }


@pytest.mark.parametrize("kind", [list, tuple])
def test_e10_nothing_of_a_token_stays_in_the_scope(kind):
    scope = scope_with([BASE, OFFER, "other"], kind)
    outer = dict(scope)
    conceal(scope)
    assert TOKEN not in repr(scope)
    assert list(scope["subprotocols"]) == [BASE, "other"]
    assert dict(scope["headers"]) == {
        b"host": b"lessy.example",
        b"Sec-WebSocket-Protocol": b"actioncable-v1-json, other",
    }
    # Of a middleware that had copied it before.
    assert kind is tuple or TOKEN not in repr(outer)


def test_e10_a_scope_without_a_token_is_left_as_it_is():
    scope = scope_with([BASE])
    before = scope["headers"]
    conceal(scope)
    assert scope["headers"] is before


@pytest.fixture
def opted_in(settings):
    settings.CABLE = {
        **settings.CABLE,
        "AUTHENTICATOR": f"{__name__}.ByBearer",
        "SUBPROTOCOL_TOKEN": True,
        "REQUIRE_ORIGIN": False,
    }
    return settings


def communicator(offered, **headers):
    client = CableCommunicator(headers={"sec-websocket-protocol": ", ".join(offered), **headers})
    client.scope["subprotocols"] = list(offered)
    return client


@pytest.fixture
async def hub_of_its_own():
    """Its threads end with the test, and with them their connections to the database."""
    yield
    await stop_hub()


@pytest.mark.usefixtures("transactional_db", "opted_in", "hub_of_its_own")
async def test_e10_a_socket_is_opened_by_its_token_which_is_not_echoed():
    client = communicator([OFFER, BASE])
    assert await client.connect() == (True, BASE)
    assert await client.receive_json_from() == {"type": "welcome"}
    assert TOKEN not in repr(client.scope)
    await client.disconnect()


@pytest.mark.usefixtures("transactional_db", "hub_of_its_own")
@pytest.mark.parametrize("on", [True, False])
async def test_e10_it_is_opt_in(opted_in, on):
    opted_in.CABLE = {**opted_in.CABLE, "SUBPROTOCOL_TOKEN": on}
    client = communicator([BASE, OFFER])
    await client.connect()
    first = await client.receive_json_from()
    assert (first == {"type": "welcome"}) is on
    assert on or first == {"type": "disconnect", "reason": protocol.UNAUTHORIZED, "reconnect": False}
    await client.disconnect()


@pytest.mark.usefixtures("opted_in", "hub_of_its_own")
@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {}])
async def test_e10_of_a_refused_handshake_no_token_stays_either(headers):
    client = communicator([BASE, OFFER], **headers)
    if not headers:
        client.scope["path"] = "/nowhere"
    assert (await client.connect())[0] is False
    assert TOKEN not in repr(client.scope)
