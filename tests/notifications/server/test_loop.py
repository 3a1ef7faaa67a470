"""The loop of the server: a turn serves so many sockets, and the others come first in the next."""

import asyncio
import select
import selectors
import socket

import pytest

from notifications.server import loop

READABLE = 3 * loop.EVENTS_PER_TURN


@pytest.fixture
def selector():
    with loop.BoundedSelector() as found:
        yield found


@pytest.fixture
def readers(selector):
    """As many as three turns serve, each with something to read."""
    pairs = [socket.socketpair() for _ in range(READABLE)]
    for ours, theirs in pairs:
        selector.register(ours, select.EPOLLIN)
        theirs.send(b"x")
    yield [ours for ours, _ in pairs]
    for pair in pairs:
        for each in pair:
            each.close()


def test_a_turn_is_bounded_and_nobody_waits_for_two_of_others(selector, readers):
    served = []
    for _ in range(3):
        turn = [key.fileobj for key, _ in selector.select(0)]
        assert len(turn) == loop.EVENTS_PER_TURN
        for each in turn:
            each.recv(1)
        served += turn
    assert set(served) == set(readers)
    assert selector.select(0) == []


def test_who_always_has_something_does_not_starve_the_others(selector, readers):
    served = set()
    for _ in range(3):
        served |= {key.fileobj for key, _ in selector.select(0)}
    assert served == set(readers)


def test_who_hangs_up_is_heard_of(selector):
    ours, theirs = socket.socketpair()
    selector.register(ours, select.EPOLLIN)
    theirs.close()
    assert [key.fileobj for key, _ in selector.select(1)] == [ours]
    ours.close()


def test_a_timeout_ends_the_waiting(selector):
    assert selector.select(0.01) == []


def test_a_loop_that_was_made_before_is_bounded_and_still_woken_by_other_threads():
    made = asyncio.new_event_loop()
    loop.bound_turns(made)
    assert type(made._selector) is loop.BoundedSelector
    assert made.run_until_complete(made.run_in_executor(None, str, "woken")) == "woken"
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


def test_a_loop_of_another_kind_stays_as_it_is():
    made = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.bound_turns(made)
    assert type(made._selector) is selectors.SelectSelector
    made.close()
