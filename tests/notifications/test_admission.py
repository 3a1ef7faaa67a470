"""Handshakes that wait in a queue: served as long as it moves, refused when the authenticator hangs."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

from notifications.ground.database import DatabaseThreads
from notifications.handshake.admission import BATCH_SIZE, LOOK_UP_SIZE, AuthenticationUnavailable, Doorkeeper
from notifications.handshake.authentication import Handshake

HANDSHAKE = Handshake(cookies={}, headers={})
released = threading.Event()


class CountingThreads(DatabaseThreads):
    """batches: how often the authenticator was to be asked."""

    batches = 0

    async def run(self, read, **options):
        self.batches += 1
        return await super().run(read, **options)


class SlowAuthenticator:
    """A batch takes a quarter of the timeout."""

    def authenticate(self, handshakes):
        time.sleep(0.45)
        return [SimpleNamespace(user_id=1, key="key", expires_at=None) for _ in handshakes]


class HangingAuthenticator:
    def authenticate(self, handshakes):
        released.wait()
        return [None for _ in handshakes]


@pytest.fixture
def ask(settings):
    """What so many handshakes in the same moment are answered, errors included, and in how many batches."""

    def ask(authenticator, count):
        settings.CABLE = {
            **settings.CABLE,
            "AUTHENTICATOR": f"{__name__}.{authenticator.__name__}",
            "AUTHENTICATION_TIMEOUT": 2.0,
        }
        return asyncio.run(ask_at_once(count))

    yield ask
    released.set()


async def ask_at_once(count):
    threads = CountingThreads(1, "test-doors")
    doorkeeper = Doorkeeper(threads)
    try:
        waiting = [doorkeeper.authenticate(HANDSHAKE) for _ in range(count)]
        return await asyncio.gather(*waiting, return_exceptions=True), threads.batches
    finally:
        released.set()
        await threads.close()


def test_a_queue_that_takes_longer_than_the_timeout_is_served_to_its_end(ask):
    answers, batches = ask(SlowAuthenticator, 5 * BATCH_SIZE)
    assert batches == 5
    assert [answer.key for answer in answers] == ["key"] * 5 * BATCH_SIZE


def test_when_the_authenticator_hangs_whoever_waits_behind_it_is_told_at_once(ask):
    released.clear()
    answers, batches = ask(HangingAuthenticator, 3 * BATCH_SIZE)
    assert batches == 1
    assert [type(answer) for answer in answers] == [AuthenticationUnavailable] * 3 * BATCH_SIZE


asked = []


class CountingAuthenticator:
    def still_admitted(self, admissions):
        asked.append(len(admissions))
        return [admission.user_id != 7 for admission in admissions]


def test_a1_the_rights_of_many_sockets_are_looked_up_in_batches_each_with_a_deadline(settings):
    settings.CABLE = {**settings.CABLE, "AUTHENTICATOR": f"{__name__}.CountingAuthenticator"}
    asked.clear()
    admissions = [SimpleNamespace(user_id=number) for number in range(LOOK_UP_SIZE + 1)]

    async def look_up():
        threads = DatabaseThreads(1, "test-doors")
        try:
            return await Doorkeeper(threads).still_admitted(admissions)
        finally:
            await threads.close()

    admitted = asyncio.run(look_up())
    assert asked == [LOOK_UP_SIZE, 1]
    assert [number for number, still in enumerate(admitted) if not still] == [7]
