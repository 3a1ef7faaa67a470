"""What a process does with an order, and what is made of what the processes answer."""

import asyncio

import pytest

import notifications
from notifications.broker.events import ANSWER, PROBE, disconnect_event
from notifications.hub.carried_out import REMEMBERED, CarriedOut
from notifications.hub.current import current_hub
from notifications.operations import inquiry, orders
from notifications.operations.orders import _closed, _problem, disconnect_users
from notifications.testing import CableCommunicator
from tests.support.authenticators import AdmitsAll


def test_b1_an_order_is_carried_out_once_by_however_many_ways_it_comes():
    done, closed = CarriedOut(), iter([3, 0, 5])
    assert done.once("a", lambda: next(closed)) == 3
    assert done.once("a", lambda: next(closed)) == 3
    assert done.once(None, lambda: next(closed)) == 0
    assert done.once(None, lambda: next(closed)) == 5


def test_b1_so_many_orders_are_remembered_and_no_more():
    done = CarriedOut()
    for number in range(REMEMBERED + 50):
        done.once(str(number), lambda: 0)
    assert len(done._closed) == REMEMBERED
    assert done.once(str(REMEMBERED + 49), lambda: 1) == 0
    assert done.once("0", lambda: 1) == 1


def receipt(hub, order="x", closed=1):
    return {"process": f"host:{hub}", "hub": hub, "order": order, "closed": closed}


@pytest.mark.parametrize(
    ("receipts", "listening", "orders", "problem"),
    [
        ([receipt("a")], 1, 1, ""),
        ([receipt("a"), receipt("a")], 1, 1, ""),
        ([receipt("a")], 0, 1, ""),  # this process itself, which Redis has lost
        ([receipt("a")], None, 1, ""),
        ([], 2, 1, "no process answered"),
        ([], 0, 1, "no process answered"),
        ([receipt("a")], 2, 1, "1 of 2 processes did not answer"),
        ([receipt("a", "x"), receipt("a", "y"), receipt("b", "x")], 2, 2, "1 of 2 processes did not answer"),
        ([receipt("a", "x"), receipt("a", "y"), receipt("b", "x")], None, 2, "1 of 2 processes did not"),
    ],
)
def test_b1_what_was_not_acknowledged_is_a_problem(receipts, listening, orders, problem):
    found = _problem(receipts, listening, orders, 2.0)
    assert found.startswith(problem)
    assert bool(found) is bool(problem)


def test_b1_an_order_that_came_twice_counts_its_sockets_once():
    receipts = [receipt("a", closed=2), receipt("a", closed=2), receipt("a", "y", 1), receipt("b", closed=0)]
    assert _closed(receipts) == {"host:a": 3, "host:b": 0}


async def test_b1_nobody_to_disconnect_is_no_order():
    report = await disconnect_users([])
    assert (report.carried_out, report.sockets) == (True, 0)


class FakeLayer:
    """Two processes, which answer at once. What it does takes time by the clock that it is given."""

    def __init__(self, pass_time, fail_at=None):
        self._pass_time = pass_time
        self._fail_at = fail_at
        self._events = asyncio.Queue()
        self.sent = 0

    async def new_channel(self):
        return "channel"

    async def group_add(self, group, channel):
        pass

    async def listeners(self, group):
        return 2

    async def group_send(self, group, event):
        if event["type"] == PROBE:
            self._events.put_nowait(event)
            return
        if self.sent == self._fail_at:
            raise ConnectionError("the broker went away")
        self.sent += 1
        await self._pass_time(SEND_SECONDS)
        for hub in ("a", "b"):
            self._events.put_nowait({"type": ANSWER, "state": receipt(hub, event["order"])})

    async def receive(self, channel):
        await self._pass_time(RECEIVE_SECONDS)
        return await self._events.get()

    async def close(self):
        pass


SEND_SECONDS, RECEIVE_SECONDS = 0.002, 0.0006


@pytest.fixture
def broker(monkeypatch):
    """broker(fail_at=…) is there for the orders, and moves the loop's clock."""
    passed = 0.0
    loop_time = asyncio.BaseEventLoop.time
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda loop: loop_time(loop) + passed)
    monkeypatch.setattr(orders, "is_local", lambda: False)

    async def pass_time(seconds):
        nonlocal passed
        passed += seconds
        await asyncio.sleep(0)

    def open_it(**options):
        layer = FakeLayer(pass_time, **options)
        monkeypatch.setattr(inquiry, "open_layer", lambda: layer)
        return layer

    return open_it


async def test_so_many_orders_as_take_longer_than_one_portion_are_all_acknowledged(broker):
    layer, many = broker(), 4 * inquiry.PORTION
    # Neither would do if all of them had the time of one portion.
    assert many * SEND_SECONDS > inquiry.CONNECT_SECONDS
    assert 2 * many * RECEIVE_SECONDS > orders.ORDER_SECONDS
    report = await disconnect_users(range(1, many + 1))
    assert (report.problem, report.sockets, layer.sent) == ("", 2 * many, many)


@pytest.mark.parametrize("fail_at", [1, 1_200])
async def test_orders_that_were_sent_before_the_broker_went_away_are_reported(broker, fail_at):
    broker(fail_at=fail_at)
    report = await disconnect_users(range(1, 2_001), seconds=1.0)
    assert report.sockets == 2 * fail_at
    assert f"of 2000 orders only {fail_at} were sent" in report.problem
    assert "the broker went away" in report.problem


async def test_no_order_that_was_sent_is_reported_as_none(broker):
    broker(fail_at=0)
    report = await disconnect_users([1, 2])
    assert report.sockets == 0
    assert "the processes were not told" in report.problem


class Admitted:
    user_id, key, expires_at = 7, "session", None


class Authenticator(AdmitsAll):
    admission = Admitted()


@pytest.fixture
def admitted(settings, transactional_db):
    settings.CABLE = {**settings.CABLE, "AUTHENTICATOR": f"{__name__}.Authenticator"}


@pytest.mark.usefixtures("admitted")
async def test_b1_who_came_back_is_not_closed_when_the_order_comes_again():
    order = disconnect_event(7, None, "remote", reconnect=True)
    async with CableCommunicator() as before:
        assert current_hub().disconnect(order) == 1
        assert (await before.receive_frame())["reconnect"] is True
        async with CableCommunicator() as after:
            current_hub()._on_event(order)
            await after.subscribe()


@pytest.mark.usefixtures("admitted")
async def test_b1_disconnect_now_reports_what_it_did():
    async with CableCommunicator() as client:
        report = await disconnect_users([7], keys=["session", "another"])
        assert (report.carried_out, report.summary) == (True, "closed 1 socket on 1 process")
        assert (await client.receive_frame())["reason"] == "remote"


@pytest.mark.usefixtures("admitted")
async def test_b1_disconnect_now_on_another_thread_reaches_the_hub_of_this_process():
    async with CableCommunicator() as client:
        report = await asyncio.to_thread(notifications.disconnect_now, 7, reconnect=True)
        assert (report.carried_out, report.sockets) == (True, 1)
        assert (await client.receive_frame())["reconnect"] is True


async def test_b1_disconnect_now_says_that_it_would_block_a_loop():
    with pytest.raises(RuntimeError, match="event loop"):
        notifications.disconnect_now(7)


def test_b1_disconnect_now_without_any_process_is_not_carried_out():
    report = notifications.disconnect_now(7)
    assert (report.carried_out, report.closed) == (False, {})
    assert "in-memory" in report.problem
