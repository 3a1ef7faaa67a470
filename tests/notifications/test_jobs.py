"""Tasks that end by themselves."""

import asyncio

from notifications.ground.jobs import Jobs


async def test_a_job_that_ended_is_no_longer_held():
    jobs, done = Jobs("the test"), asyncio.Event()

    async def job():
        done.set()

    jobs.spawn(job())
    assert len(jobs) == 1
    await done.wait()
    await asyncio.sleep(0)
    assert len(jobs) == 0


async def test_a_job_that_failed_is_in_the_log_with_its_owner_and_reason(caplog):
    jobs = Jobs("the test")

    async def job():
        raise RuntimeError("as a fault in the code does")

    jobs.spawn(job())
    async with asyncio.timeout(5):
        while jobs:  # noqa: ASYNC110 a number tells, not an event
            await asyncio.sleep(0)
    assert "a task of the test failed" in caplog.text
    assert "as a fault in the code does" in caplog.text


async def test_who_stops_waits_for_the_end_of_each_job(caplog):
    jobs, ended = Jobs("the test"), []

    async def job(number):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(number)

    for number in range(3):
        jobs.spawn(job(number))
    await asyncio.sleep(0)
    await jobs.stop()
    assert sorted(ended) == [0, 1, 2]
    assert caplog.records == []
