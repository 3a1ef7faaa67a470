from notifications.payloads import Change
from notifications.recent import RecentChanges


def change(position, action="update"):
    return Change(action, "tasks", 1, 1, position, "{}")


def test_an_older_version_is_not_noted():
    recent = RecentChanges()
    assert recent.note(change(20))
    assert not recent.note(change(10))
    assert recent.position(change(0).row) == 20


def test_creation_and_update_of_a_row_are_remembered_apart():
    recent = RecentChanges()
    recent.note(change(20, "create"))
    assert recent.position(change(0).row) == 0


def test_what_was_noted_outlives_one_turn_and_not_two():
    recent = RecentChanges()
    recent.note(change(20))
    recent.turn()
    assert recent.position(change(0).row) == 20
    recent.turn()
    assert recent.position(change(0).row) == 0
    assert len(recent) == 0
