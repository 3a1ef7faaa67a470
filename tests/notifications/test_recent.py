from notifications.payloads import Change
from notifications.recent import RecentChanges


def change(position, action="update", pk=1):
    return Change(action, "tasks", pk, 1, position, "{}")


def test_an_older_version_is_not_noted():
    recent = RecentChanges()
    assert recent.note(change(20))
    assert not recent.note(change(10))
    assert recent.delivered(change(20))


def test_the_same_version_is_noted_again():
    recent = RecentChanges()
    assert recent.note(change(20))
    assert recent.note(change(20))


def test_a_creation_stands_for_the_row_as_it_was_then():
    recent = RecentChanges()
    recent.note(change(20, "create"))
    assert recent.delivered(change(10, "create"))
    assert recent.delivered(change(20))
    assert not recent.delivered(change(21))


def test_an_update_does_not_stand_for_the_creation():
    recent = RecentChanges()
    recent.note(change(20))
    assert not recent.delivered(change(10, "create"))


def test_a_creation_that_is_asked_for_as_an_update_outlives_every_turn():
    recent = RecentChanges()
    recent.note(change(20, "create"))
    for _ in range(3):
        recent.turn()
        assert recent.delivered(change(20))


def test_a_version_that_only_the_tables_told_was_not_delivered_and_older_ones_are_not_noted():
    recent = RecentChanges()
    recent.see(change(20))
    assert not recent.delivered(change(20))
    assert not recent.note(change(10))
    assert recent.note(change(20))


def test_what_was_noted_outlives_one_turn_and_not_two():
    recent = RecentChanges()
    recent.note(change(20))
    recent.turn()
    recent.turn()
    assert not recent.delivered(change(20))
    assert len(recent) == 0


def test_what_is_asked_for_outlives_every_turn():
    recent = RecentChanges()
    recent.note(change(20))
    for _ in range(3):
        recent.turn()
        assert recent.delivered(change(20))


def test_memory_is_bounded():
    recent = RecentChanges(limit=10)
    for pk in range(100):
        recent.note(change(20, pk=pk))
        recent.see(change(20, pk=pk))
    assert len(recent) <= 4 * 10
    assert recent.delivered(change(20, pk=99))
