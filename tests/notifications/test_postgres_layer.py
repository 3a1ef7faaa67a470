"""The layer on a real PostgreSQL: what is notified comes, and what becomes of it when the connection ends."""

import asyncio

import psycopg
import pytest

from notifications.broker.events import control_group
from notifications.broker.installation import prefix
from notifications.broker.layers import open_layer
from notifications.broker.parts import PART_BYTES
from notifications.broker.postgres_layer import PoolerBetween, channel_for
from notifications.broker.postgres_link import PostgresAway
from notifications.ground.metrics import metrics
from tests.end_to_end.faults.harness.proxy import Proxy
from tests.support.pgbouncer import pgbouncer
from tests.support.processes import free_port

CONNECTED = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'cable'"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cable'"


@pytest.fixture
def at(settings):
    """at(url): from now on the broker is that PostgreSQL."""

    def at(url):
        settings.CABLE = {**settings.CABLE, "BROKER": "postgresql", "BROKER_URL": url}

    return at


@pytest.fixture
def on_postgres(at, postgres_server):
    at(postgres_server.url)
    return postgres_server


@pytest.fixture
async def new_layer():
    """new_layer(): one that is closed after the test."""
    made = []

    def new():
        made.append(open_layer())
        return made[-1]

    yield new
    for layer in made:
        await layer.close()


@pytest.fixture
async def hearing(on_postgres, new_layer):
    """hearing(*groups): a layer in them."""

    async def hearing(*groups):
        layer = new_layer()
        channel = await layer.new_channel()
        for group in groups:
            await layer.group_add(group, channel)
        return layer

    return hearing


async def soon(awaitable, seconds=10):
    async with asyncio.timeout(seconds):
        return await awaitable


def group(name):
    return f"{prefix()}.{name}"


def ask(server, statement):
    with psycopg.connect(server.url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("size", [1, PART_BYTES, 30 * PART_BYTES])
async def test_what_one_layer_sends_another_hears(hearing, new_layer, size):
    layer = await hearing(group("user.1"))
    event = {"type": "x", "text": "é'\"\\\x00" * size}
    await new_layer().group_send(group("user.1"), event)
    assert await soon(layer.receive("")) == event


async def test_groups_that_were_left_are_heard_no_more(hearing, new_layer):
    layer, other = await hearing(group("user.1"), group("user.2")), new_layer()
    await layer.group_discard(group("user.1"), "")
    for name in ("user.1", "user.3", "user.2"):
        await other.group_send(group(name), {"to": name})
    assert await soon(layer.receive("")) == {"to": "user.2"}


async def test_two_installations_in_one_database_do_not_hear_each_other(hearing, new_layer, settings):
    layer = await hearing(group("user.1"))
    ours, settings.CABLE = settings.CABLE, {**settings.CABLE, "PREFIX": "theirs"}
    await new_layer().group_send(group("user.1"), {"of": "theirs"})
    settings.CABLE = ours
    await new_layer().group_send(group("user.1"), {"of": "ours"})
    assert await soon(layer.receive("")) == {"of": "ours"}


async def test_many_at_once_come_in_the_order_of_each_sender(hearing, new_layer):
    layer = await hearing(group("user.1"))

    async def send(sender):
        other = new_layer()
        for number in range(50):
            await other.group_send(group("user.1"), {"of": sender, "number": number, "x": "-" * 9_000})

    await soon(asyncio.gather(*map(send, range(4))))
    found = [await soon(layer.receive("")) for _ in range(200)]
    for sender in range(4):
        assert [each["number"] for each in found if each["of"] == sender] == list(range(50))


async def test_processes_are_counted_by_the_control_group(hearing):
    asker = await hearing(group("answers"))
    assert await asker.listeners(control_group()) == 0
    first, second = await hearing(control_group()), await hearing(control_group())
    assert await asker.listeners(control_group()) == 2
    await first.close()
    async with asyncio.timeout(5):
        while await asker.listeners(control_group()) != 1:  # noqa: ASYNC110 PostgreSQL tells nobody
            await asyncio.sleep(0.01)
    await second.close()


async def test_what_others_notify_is_counted_and_costs_nobody(hearing, new_layer, on_postgres):
    layer = await hearing(group("user.1"))
    before = metrics.counts["bad_events"]
    ask(on_postgres, f"SELECT pg_notify('{channel_for(prefix())}', 'hello')")
    await new_layer().group_send(group("user.1"), {"type": "x"})
    assert await soon(layer.receive("")) == {"type": "x"}
    assert metrics.counts["bad_events"] == before + 1


@pytest.mark.parametrize("end", ["terminated", "cut"])
async def test_a_connection_that_ends_is_told_to_whoever_waits(hearing, on_postgres, end):
    layer = await hearing(group("user.1"))
    receiving = asyncio.create_task(layer.receive(""))
    if end == "cut":
        layer.cut()
    else:
        ask(on_postgres, TERMINATE)
    with pytest.raises(PostgresAway):
        await soon(receiving)
    with pytest.raises(PostgresAway):
        await soon(layer.group_send(group("user.1"), {}))


async def test_a_postgresql_that_answers_nobody_costs_no_more_than_the_deadline(
    at, postgres_server, new_layer
):
    proxy = await Proxy(postgres_server.port).start()
    at(postgres_server.url.replace(str(postgres_server.port), str(proxy.port)))
    layer = new_layer()
    await layer.new_channel()
    proxy.swallow()
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(TimeoutError):
        await soon(layer.group_send(group("user.1"), {}), seconds=0.2)
    # psycopg's own way to give up a statement takes five.
    assert loop.time() - started < 3
    # What comes later must not be taken for the answer to another statement.
    with pytest.raises(PostgresAway):
        await soon(layer.group_send(group("user.1"), {}))
    await proxy.close()


async def test_one_that_is_not_there_is_away(at, new_layer):
    at(f"postgresql://lessy@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(PostgresAway):
        await soon(new_layer().new_channel())


@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_a_pooler_that_keeps_notifications_is_noticed(at, postgres_server, new_layer, mode):
    with pgbouncer(postgres_server, mode) as url:
        at(url)
        layer = new_layer()
        if mode == "transaction":
            with pytest.raises(PoolerBetween, match="BROKER_URL"):
                await soon(layer.new_channel())
            return
        await layer.group_add(group("user.1"), await soon(layer.new_channel()))
        await new_layer().group_send(group("user.1"), {"type": "x"})
        assert await soon(layer.receive("")) == {"type": "x"}
        await layer.close()


async def test_a_layer_that_is_closed_leaves_nothing_behind(hearing, on_postgres):
    tasks = len(asyncio.all_tasks())
    for _ in range(10):
        layer = await hearing(group("user.1"))
        await layer.group_send(group("user.1"), {})
        await soon(layer.receive(""))
        await layer.close()
    assert len(asyncio.all_tasks()) == tasks
    async with asyncio.timeout(5):
        while ask(on_postgres, CONNECTED):  # noqa: ASYNC110 PostgreSQL tells nobody
            await asyncio.sleep(0.01)
