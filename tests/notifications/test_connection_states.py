"""The lives of a connection and of a subscription, as tables."""

from hypothesis import given
from hypothesis import strategies as st

from notifications.wire.connection_states import (
    CLOSED,
    CLOSING,
    CONGESTED,
    CONNECTION,
    ENDED,
    LIVE,
    OPEN,
    OVERFLOWED,
    PENDING,
    REPLAYING,
    SUBSCRIPTION,
    ConnectionEvent,
    ConnectionState,
    SubscriptionEvent,
    SubscriptionState,
)
from notifications.wire.payloads import Change
from notifications.wire.states import following
from notifications.wire.subscriptions import Subscription
from tests.support.tables import assert_every_pair_is_decided, possible, reachable

SEND_WAITS, CAUGHT_UP, CLOSE, LOST, FAREWELL_SAID = ConnectionEvent
REPLAY, REFUSE, OVERFLOW, READ_AGAIN, RELEASE, END = SubscriptionEvent
CHOICES = st.lists(st.integers(0, 10), max_size=20)


def test_every_event_of_a_connection_is_decided_in_every_state():
    assert_every_pair_is_decided(
        CONNECTION,
        ConnectionState,
        ConnectionEvent,
        impossible=[
            (OPEN, CAUGHT_UP),
            (OPEN, FAREWELL_SAID),
            (CONGESTED, SEND_WAITS),
            (CONGESTED, FAREWELL_SAID),
        ],
    )


def test_every_event_of_a_subscription_is_decided_in_every_state():
    assert_every_pair_is_decided(
        SUBSCRIPTION,
        SubscriptionState,
        SubscriptionEvent,
        impossible=[
            (PENDING, REFUSE),
            (PENDING, READ_AGAIN),
            (REPLAYING, REPLAY),
            (REPLAYING, READ_AGAIN),
            (OVERFLOWED, OVERFLOW),
            (OVERFLOWED, RELEASE),
            (LIVE, REFUSE),
            (LIVE, OVERFLOW),
            (LIVE, READ_AGAIN),
            (LIVE, RELEASE),
            *((ENDED, event) for event in SubscriptionEvent),
        ],
    )


def test_every_state_is_reached():
    assert reachable(CONNECTION, OPEN) == set(ConnectionState)
    assert reachable(SUBSCRIPTION, PENDING) == set(SubscriptionState)


def test_from_every_state_there_is_an_end():
    assert all(CLOSED in reachable(CONNECTION, state) for state in ConnectionState)
    assert all(ENDED in reachable(SUBSCRIPTION, state) for state in SubscriptionState)


def test_the_end_may_come_at_any_time():
    assert all((state, event) in CONNECTION for state in ConnectionState for event in (CLOSE, LOST))
    assert all((state, END) in SUBSCRIPTION for state in SubscriptionState if state is not ENDED)


@given(CHOICES)
def test_once_its_end_is_decided_a_connection_writes_nothing_more(choices):
    state, ended = OPEN, False
    for choice in choices:
        events = possible(CONNECTION, state)
        event = events[choice % len(events)]
        state = following(CONNECTION, state, event)
        ended = ended or event in (CLOSE, LOST)
        assert ended == (state in (CLOSING, CLOSED))


ACTIONS = {
    REPLAY: lambda subscription, now: subscription.replay(now),
    REFUSE: lambda subscription, now: subscription.refuse(),
    READ_AGAIN: lambda subscription, now: subscription.read_again(now),
    RELEASE: lambda subscription, now: subscription.release({}, set()),
    END: lambda subscription, now: subscription.end(),
}


@given(CHOICES)
def test_a_change_is_written_held_back_or_read_again_whatever_happens(choices):
    """At each step one change is published: none may be lost, but to a subscription that has ended."""
    subscription, written, held = Subscription("I", started=0), set(), set()
    for now, choice in enumerate(choices):
        change = Change("update", "tasks", now, 1, now, "{}")
        if subscription.state is LIVE:
            written.add(now)
        elif subscription.state is not ENDED:
            subscription.hold_back(change, limit=2)
            held.add(now)
        events = [each for each in possible(SUBSCRIPTION, subscription.state) if each is not OVERFLOW]
        if not events:
            return
        event = events[choice % len(events)]
        found = ACTIONS[event](subscription, now)
        if event is READ_AGAIN:
            # What the tables are read for. It is told at once here.
            written |= {pk for pk in held if pk >= found}
            held = {pk for pk in held if pk < found}
        elif event is RELEASE:
            written |= {each.pk for each in found}
            held -= written
            assert held == set()
    assert subscription.state is ENDED or written | held == set(range(len(choices)))
