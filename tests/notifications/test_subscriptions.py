import pytest

from notifications.wire.connection_states import ENDED, LIVE, OVERFLOWED, REPLAYING
from notifications.wire.payloads import Change
from notifications.wire.protocol import encode
from notifications.wire.states import IllegalTransition
from notifications.wire.subscriptions import (
    AlreadySubscribed,
    IdentifiersTooLong,
    Subscription,
    Subscriptions,
    TooManySubscriptions,
)

MONOTONIC = {"tasks"}


def test_an_identifier_is_held_once():
    subscriptions = Subscriptions(2, 1_000)
    subscriptions.add("a", started=0)
    with pytest.raises(AlreadySubscribed):
        subscriptions.add("a", started=1)
    assert len(subscriptions) == 1


def test_the_limit_refuses_one_more_but_not_a_repetition():
    subscriptions = Subscriptions(1, 1_000)
    subscriptions.add("a", started=0)
    with pytest.raises(TooManySubscriptions):
        subscriptions.add("b", started=0)
    with pytest.raises(AlreadySubscribed):
        subscriptions.add("a", started=0)


def test_c2_all_identifiers_together_have_a_length():
    subscriptions = Subscriptions(100, 1_000)
    subscriptions.add("a" * 600, started=0)
    with pytest.raises(IdentifiersTooLong):
        subscriptions.add("b" * 600, started=0)
    subscriptions.remove("a" * 600)
    subscriptions.add("b" * 600, started=0)
    assert subscriptions.written_bytes == 602


@pytest.mark.parametrize(
    ("character", "bytes_of_it"),
    [("a", 1), ("é", 2), ("😀", 4), ('"', 2), ("<", 6), ("\0", 6), ("\ud800", 6)],
)
def test_c2_an_identifier_counts_as_what_its_frames_write(character, bytes_of_it):
    subscriptions = Subscriptions(100, 1_000)
    count = 998 // bytes_of_it
    subscription = subscriptions.add(character * count, started=0)
    assert subscription.written_bytes == len(encode(character * count).encode()) == count * bytes_of_it + 2
    subscriptions.remove(character * count)
    assert subscriptions.written_bytes == 0
    with pytest.raises(IdentifiersTooLong):
        subscriptions.add(character * (count + 1), started=0)
    assert len(subscriptions) == subscriptions.written_bytes == 0


def test_what_is_removed_can_be_added_again():
    subscriptions = Subscriptions(1, 1_000)
    subscriptions.add("a", started=0)
    assert subscriptions.remove("a")
    assert not subscriptions.remove("a")
    assert subscriptions.add("a", started=5).started == 5


def test_until_it_is_live_a_subscription_holds_back():
    subscription = Subscription("a", started=0)
    change = Change("update", "tasks", 1, 1, 5, "{}")
    subscription.held.append(change)
    assert subscription.release({}, MONOTONIC) == [change]
    assert subscription.state is LIVE


def held_back(*changes):
    subscription = Subscription("a", started=0)
    subscription.held.extend(changes)
    return subscription


def test_what_a_replay_told_is_not_released():
    older, newer = (Change("update", "tasks", 1, 1, position, "{}") for position in (5, 6))
    assert held_back(older, newer).release({older.row: 5}, MONOTONIC) == [newer]


def test_a3_without_a_monotonic_clock_only_the_version_that_a_replay_told_is_not_released():
    older, newer = (Change("update", "tasks", 1, 1, position, "{}") for position in (5, 6))
    assert held_back(older, newer).release({newer.row: 6}, set()) == [older]
    assert held_back(older, newer).release({newer.row: 6}, MONOTONIC) == []


def test_a_creation_is_told_by_whatever_replay_had_it():
    """The tables give it its creation time, the fast path the time of the row as it was announced."""
    creation = Change("create", "tasks", 1, 1, 8, "{}")
    assert held_back(creation).release({creation.row: 5}, MONOTONIC) == []
    assert held_back(creation).release({creation._replace(pk=2).row: 5}, MONOTONIC) == [creation]


def overflowing(*changes):
    """One that holds two at most."""
    subscription = Subscription("a", started=0)
    for change in changes:
        subscription.hold_back(change, limit=2)
    return subscription


def changes(count):
    return [Change("update", "tasks", pk, 1, 5, "{}") for pk in range(count)]


def test_more_than_can_be_held_back_is_dropped_and_read_again_since_it_was_held():
    subscription = overflowing(*changes(3))
    assert subscription.state is OVERFLOWED
    subscription.hold_back(changes(1)[0], limit=2)
    assert subscription.held == []
    assert subscription.read_again(now=7) == 0
    assert subscription.state is REPLAYING
    assert overflowing(*changes(2)).release({}, MONOTONIC) == changes(2)


def test_what_was_dropped_is_missing_still_whatever_is_asked_for_or_refused_meanwhile():
    subscription = overflowing(*changes(3))
    subscription.replay(now=5)
    subscription.refuse()
    assert subscription.state is OVERFLOWED
    with pytest.raises(IllegalTransition):
        subscription.release({}, MONOTONIC)


def test_a_replay_of_a_live_one_holds_back_from_then_on():
    subscription = Subscription("a", started=0)
    subscription.release({}, MONOTONIC)
    subscription.replay(now=9)
    for change in changes(3):
        subscription.hold_back(change, limit=2)
    assert subscription.read_again(now=11) == 9


def test_what_was_removed_has_ended():
    subscriptions = Subscriptions(1, 1_000)
    subscription = subscriptions.add("a", started=0)
    subscriptions.remove("a")
    assert subscription.state is ENDED


def test_all_are_live_when_each_is():
    subscriptions = Subscriptions(2, 1_000)
    assert subscriptions.all_live
    first, second = (subscriptions.add(each, started=0) for each in "ab")
    first.release({}, MONOTONIC)
    assert not subscriptions.all_live
    second.release({}, MONOTONIC)
    assert subscriptions.all_live


def test_offsets_follow_the_positions_of_rows():
    subscription = Subscription("a", started=0)
    assert [subscription.next_offset(position, now=100) for position in (10, 20)] == [10, 20]


def test_offsets_increase_when_rows_commit_out_of_order():
    subscription = Subscription("a", started=0)
    assert [subscription.next_offset(position, now=100) for position in (20, 10, 20)] == [20, 21, 22]


def test_an_offset_never_promises_more_than_the_clock():
    assert Subscription("a", started=0).next_offset(500, now=100) == 100


def test_a_row_that_was_deleted_and_made_again_during_a_replay_is_told_as_both():
    first = Change("create", "tasks", 1, 7, 5, "{}")
    destroyed = first._replace(action="destroy", position=6)
    again = first._replace(position=7)
    assert held_back(destroyed, again).release({first.row: 5}, MONOTONIC) == [destroyed, again]


def test_what_no_table_holds_is_never_taken_for_replayed():
    told = Change("update", "tasks", 1, 1, -5, "{}")
    assert held_back(told).release({told.row: 9}, MONOTONIC) == [told]


def test_what_a_replay_told_of_the_end_of_a_row_is_not_followed_by_its_beginning():
    """Published before, and held back: Redis was away meanwhile, or the reading took its time."""
    created = Change("create", "books", 1, 7, 5, "{}")
    destroyed = created._replace(action="destroy", position=6)
    assert held_back(created, destroyed).release({destroyed.row: 6}, ()) == []


def test_what_a_replay_told_of_a_row_that_came_back_is_not_followed_by_its_end():
    destroyed = Change("destroy", "books", 1, 7, 6, "{}")
    again = destroyed._replace(action="create", position=7)
    assert held_back(destroyed, again).release({again.row: 7}, ()) == []
