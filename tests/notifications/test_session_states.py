"""The life of a session with the broker, and of the link, as tables."""

from hypothesis import given
from hypothesis import strategies as st

from notifications.broker.session_states import (
    LINK,
    SESSION,
    LinkEvent,
    LinkState,
    SessionEvent,
    SessionState,
)
from notifications.wire.states import following
from tests.support.tables import assert_every_pair_is_decided, possible, reachable

OPENING, JOINING, IN_USE, CLOSING, CLOSED = SessionState
ANSWERED, JOINED, LOST, DISCARDED, ENDED = SessionEvent


def test_every_event_of_a_session_is_decided_in_every_state():
    assert_every_pair_is_decided(
        SESSION,
        SessionState,
        SessionEvent,
        impossible=[
            (OPENING, JOINED),
            (OPENING, ENDED),
            (JOINING, ANSWERED),
            (JOINING, ENDED),
            (IN_USE, ANSWERED),
            (IN_USE, JOINED),
            (IN_USE, ENDED),
            (CLOSING, ANSWERED),
            (CLOSING, JOINED),
            (CLOSING, DISCARDED),
            *((CLOSED, event) for event in (ANSWERED, JOINED, DISCARDED, ENDED)),
        ],
    )


def test_every_event_of_the_link_is_decided_in_every_state():
    assert_every_pair_is_decided(
        LINK,
        LinkState,
        LinkEvent,
        impossible=[
            (LinkState.UNTRIED, LinkEvent.LOST),
            (LinkState.UP, LinkEvent.FAILED),
            (LinkState.UP, LinkEvent.CONNECTED),
            (LinkState.AWAY, LinkEvent.LOST),
            *((LinkState.STOPPED, event) for event in set(LinkEvent) - {LinkEvent.STOP}),
        ],
    )


def test_every_state_is_reached():
    assert reachable(SESSION, OPENING) == set(SessionState)
    assert reachable(LINK, LinkState.UNTRIED) == set(LinkState)


def test_from_every_state_a_session_can_be_closed():
    assert all(CLOSED in reachable(SESSION, state) for state in SessionState)


def test_word_that_it_was_lost_may_come_at_any_time():
    assert all((state, LOST) in SESSION for state in SessionState)


@given(st.lists(st.integers(0, 10), max_size=20))
def test_a_session_never_goes_back(choices):
    state = OPENING
    for choice in choices:
        events = possible(SESSION, state)
        after = following(SESSION, state, events[choice % len(events)])
        assert after.value >= state.value
        state = after


@given(st.lists(st.integers(0, 10), max_size=20))
def test_once_it_was_tried_the_link_is_known(choices):
    state, tried = LinkState.UNTRIED, False
    for choice in choices:
        events = possible(LINK, state)
        state = following(LINK, state, events[choice % len(events)])
        tried = tried or state in (LinkState.UP, LinkState.AWAY)
        assert not (tried and state is LinkState.UNTRIED)
