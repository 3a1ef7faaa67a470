"""What a process does with an order, and what is made of what the processes answer."""

import asyncio

import pytest

import notifications
from notifications.broker.events import disconnect_event
from notifications.hub.carried_out import REMEMBERED, CarriedOut
from notifications.hub.current import current_hub
from notifications.operations.orders import _closed, _problem, disconnect_users
from notifications.testing import CableCommunicator


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


class Admitted:
    user_id, key, expires_at = 7, "session", None


class Authenticator:
    def authenticate(self, handshakes):
        return [Admitted() for _ in handshakes]

    def still_admitted(self, admissions):
        return [True for _ in admissions]


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
