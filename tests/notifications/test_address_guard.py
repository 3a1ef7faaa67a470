"""How many sockets one address may open, and how fast."""

import asyncio

import pytest

from notifications.handshake.middleware import SWEEP_AT, AddressGuard


class Socket:
    """A handshake that is admitted, and then a socket that stays open until it is closed."""

    def __init__(self, guard, address, *headers):
        self.sent = []
        self.closed = asyncio.Event()
        scope = {"client": (address, 4711), "headers": list(headers)}
        self.task = asyncio.ensure_future(guard(scope, self.closed.wait, self.send))

    async def send(self, message):
        self.sent.append(message["type"])

    async def admitted(self):
        await asyncio.sleep(0)
        return not self.sent

    async def close(self):
        self.closed.set()
        await self.task


@pytest.fixture
def guard():
    async def application(scope, receive, send):
        await receive()

    return AddressGuard(application)


@pytest.fixture(autouse=True)
def limits(settings):
    settings.CABLE = {"MAX_SOCKETS_PER_ADDRESS": 2, "HANDSHAKES_PER_SECOND": 0.001, "HANDSHAKES_BURST": 4}


async def test_one_socket_too_many_is_refused_until_another_is_closed(guard):
    first, second, third = (Socket(guard, "203.0.113.9") for _ in range(3))
    assert [await each.admitted() for each in (first, second, third)] == [True, True, False]
    await first.close()
    assert await Socket(guard, "203.0.113.9").admitted()


async def test_handshakes_that_come_too_fast_are_refused(guard):
    for _ in range(4):
        await Socket(guard, "203.0.113.9").close()
    assert not await Socket(guard, "203.0.113.9").admitted()


async def test_another_address_is_not_concerned(guard):
    for _ in range(9):
        Socket(guard, "203.0.113.9")
    assert await Socket(guard, "203.0.113.10").admitted()


async def test_behind_a_trusted_proxy_it_is_the_client_that_counts(guard, settings):
    settings.CABLE = {**settings.CABLE, "TRUSTED_PROXIES": 1}
    sockets = [Socket(guard, "10.0.0.1", (b"x-forwarded-for", b"203.0.113.%d" % n)) for n in range(9)]
    assert all([await each.admitted() for each in sockets])


async def test_a_socket_whose_consumer_fails_is_no_longer_counted(guard):
    async def failing(scope, receive, send):
        raise RuntimeError("as a consumer might")

    guard.application = failing
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await Socket(guard, "203.0.113.9").task
    assert guard.visitors.get("203.0.113.9", 0).sockets == 0


async def test_addresses_that_left_are_forgotten(guard, settings):
    settings.CABLE = {"HANDSHAKES_PER_SECOND": 1e9}
    for number in range(3 * SWEEP_AT):
        await Socket(guard, f"203.{number // 65_536}.{number // 256 % 256}.{number % 256}").close()
    assert len(guard.visitors) <= SWEEP_AT
