"""Attempts that overlap."""

import asyncio

from notifications.broker.attempts import first_to_succeed


class Attempts:
    """Each waits for an answer of its own: a result, or an exception."""

    def __init__(self):
        self.begun, self.failures, self.surplus = [], [], []
        self.more = asyncio.Event()

    async def __call__(self):
        answer = asyncio.get_running_loop().create_future()
        self.begun.append(answer)
        self.more.set()
        return await answer

    async def number(self, count):
        async with asyncio.timeout(5):
            while len(self.begun) < count:
                self.more.clear()
                await self.more.wait()

    def first(self, pause=lambda failures: 0.001):
        return asyncio.create_task(
            first_to_succeed(
                self, pause=pause, on_failure=self.failures.append, on_surplus=self.surplus.append
            )
        )


async def test_one_that_hangs_does_not_delay_the_next():
    attempts = Attempts()
    found = attempts.first()
    await attempts.number(2)
    attempts.begun[1].set_result("second")
    assert await found == "second"
    async with asyncio.timeout(5):
        while not attempts.begun[0].cancelled():  # noqa: ASYNC110 nothing tells of it
            await asyncio.sleep(0)


async def test_each_failure_is_told_of_and_another_attempt_follows():
    attempts = Attempts()
    found = attempts.first()
    await attempts.number(1)
    failure = OSError("refused")
    attempts.begun[0].set_exception(failure)
    await attempts.number(2)
    attempts.begun[1].set_result("found")
    assert await found == "found"
    assert attempts.failures == [failure]


async def test_of_two_that_succeed_at_once_one_is_given_back():
    """Or its connections would stay open for as long as the process lives."""
    attempts = Attempts()
    found = attempts.first()
    await attempts.number(2)
    for answer, result in zip(attempts.begun, ("a", "b"), strict=False):
        answer.set_result(result)
    chosen = await found
    await asyncio.sleep(0)
    assert {chosen, *attempts.surplus} == {"a", "b"}
    assert len(attempts.surplus) == 1


async def test_who_gives_up_ends_all_attempts():
    attempts = Attempts()
    found = attempts.first()
    await attempts.number(2)
    found.cancel()
    await asyncio.gather(found, return_exceptions=True)
    async with asyncio.timeout(5):
        while not all(answer.cancelled() for answer in attempts.begun):  # noqa: ASYNC110 nothing tells of it
            await asyncio.sleep(0)


async def test_the_pause_is_of_how_many_have_failed():
    attempts, asked = Attempts(), []

    def pause(failures):
        asked.append(failures)
        return 0.001

    found = attempts.first(pause)
    for number in range(1, 4):
        await attempts.number(number)
        attempts.begun[number - 1].set_exception(OSError("refused"))
    await attempts.number(4)
    attempts.begun[-1].set_result("found")
    assert await found == "found"
    assert sorted(set(asked)) == [0, 1, 2, 3]
