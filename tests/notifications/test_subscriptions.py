import pytest

from notifications.payloads import Change
from notifications.subscriptions import AlreadySubscribed, Subscription, Subscriptions, TooManySubscriptions


def test_an_identifier_is_held_once():
    subscriptions = Subscriptions(limit=2)
    subscriptions.add("a", started=0)
    with pytest.raises(AlreadySubscribed):
        subscriptions.add("a", started=1)
    assert len(subscriptions) == 1


def test_the_limit_refuses_one_more_but_not_a_repetition():
    subscriptions = Subscriptions(limit=1)
    subscriptions.add("a", started=0)
    with pytest.raises(TooManySubscriptions):
        subscriptions.add("b", started=0)
    with pytest.raises(AlreadySubscribed):
        subscriptions.add("a", started=0)


def test_what_is_removed_can_be_added_again():
    subscriptions = Subscriptions(limit=1)
    subscriptions.add("a", started=0)
    assert subscriptions.remove("a")
    assert not subscriptions.remove("a")
    assert subscriptions.add("a", started=5).started == 5


def test_until_it_is_live_a_subscription_holds_back():
    subscription = Subscription("a", started=0)
    change = Change("update", "tasks", 1, 1, 5, "{}")
    subscription.held.append(change)
    assert subscription.release({}) == [change]
    assert subscription.held is None


def held_back(*changes):
    subscription = Subscription("a", started=0)
    subscription.held.extend(changes)
    return subscription


def test_what_a_replay_told_is_not_released():
    older, newer = (Change("update", "tasks", 1, 1, position, "{}") for position in (5, 6))
    assert held_back(older, newer).release({older.row: 5}) == [newer]


def test_a_creation_is_told_by_whatever_replay_had_it():
    """The tables give it its creation time, the fast path the time of the row as it was announced."""
    creation = Change("create", "tasks", 1, 1, 8, "{}")
    assert held_back(creation).release({creation.row: 5}) == []
    assert held_back(creation).release({("create", "tasks", 2): 5}) == [creation]


def test_offsets_follow_the_positions_of_rows():
    subscription = Subscription("a", started=0)
    assert [subscription.next_offset(position, now=100) for position in (10, 20)] == [10, 20]


def test_offsets_increase_when_rows_commit_out_of_order():
    subscription = Subscription("a", started=0)
    assert [subscription.next_offset(position, now=100) for position in (20, 10, 20)] == [20, 21, 22]


def test_an_offset_never_promises_more_than_the_clock():
    assert Subscription("a", started=0).next_offset(500, now=100) == 100
