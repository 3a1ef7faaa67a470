"""The epoch as a process knows it, by itself."""

import asyncio

import pytest

from notifications.ground.database import DatabaseUnavailable
from notifications.handshake.admission import AuthenticationUnavailable
from notifications.hub.epoch import KnownEpoch


class Readers:
    """In place of the threads: each read waits until it is answered."""

    def __init__(self):
        self.asked = []

    async def run(self, read, *, seconds):
        answer = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        return await answer


@pytest.fixture
def readers():
    return Readers()


@pytest.fixture
def changes():
    return []


@pytest.fixture
def epoch(readers, changes):
    return KnownEpoch(readers, changes.append)


async def asked(readers):
    async with asyncio.timeout(5):
        while not readers.asked:  # noqa: ASYNC110 a list tells, not an event
            await asyncio.sleep(0)


async def test_all_who_wait_for_the_first_reading_share_one_query(epoch, readers, changes):
    waiting = [asyncio.create_task(epoch.ensure()) for _ in range(10)]
    await asked(readers)
    [answer] = readers.asked
    answer.set_result("e1")
    await asyncio.gather(*waiting)
    assert epoch.value == "e1"
    assert changes == ["e1"]


async def test_once_it_is_known_nobody_asks(epoch, readers):
    epoch.adopt("e1")
    await epoch.ensure()
    assert readers.asked == []


async def test_who_gives_up_does_not_end_the_reading_of_the_others(epoch, readers):
    gives_up, waits = (asyncio.create_task(epoch.ensure()) for _ in range(2))
    await asked(readers)
    gives_up.cancel()
    await asyncio.sleep(0)
    readers.asked[0].set_result("e1")
    await waits
    assert epoch.value == "e1"


async def test_while_the_database_is_away_a_handshake_is_told_so_and_the_next_asks_again(epoch, readers):
    waiting = asyncio.create_task(epoch.ensure())
    await asked(readers)
    readers.asked.pop().set_exception(DatabaseUnavailable("away"))
    with pytest.raises(AuthenticationUnavailable, match="DatabaseUnavailable"):
        await waiting
    again = asyncio.create_task(epoch.ensure())
    await asked(readers)
    readers.asked[0].set_result("e1")
    await again


async def test_only_another_epoch_is_a_change(epoch, changes):
    for value in ("e1", "e1", "e2"):
        epoch.adopt(value)
    assert changes == ["e1", "e2"]
