from notifications.changes.recent import RecentChanges
from notifications.wire.payloads import Change


def change(position, action="update", pk=1, user=1):
    return Change(action, "tasks", pk, user, position, "{}")


def test_an_older_version_is_not_noted():
    recent = RecentChanges({"tasks"})
    assert recent.note(change(20))
    assert not recent.note(change(10))
    assert recent.delivered(change(20))


def test_the_same_version_is_noted_again():
    recent = RecentChanges({"tasks"})
    assert recent.note(change(20))
    assert recent.note(change(20))


def test_a_creation_stands_for_the_row_as_it_was_then():
    recent = RecentChanges({"tasks"})
    recent.note(change(20, "create"))
    assert recent.delivered(change(10, "create"))
    assert recent.delivered(change(20))
    assert not recent.delivered(change(21))


def test_an_update_does_not_stand_for_the_creation():
    recent = RecentChanges({"tasks"})
    recent.note(change(20))
    assert not recent.delivered(change(10, "create"))


def test_a_creation_that_is_asked_for_as_an_update_outlives_every_turn():
    recent = RecentChanges({"tasks"})
    recent.note(change(20, "create"))
    for _ in range(3):
        recent.turn()
        assert recent.delivered(change(20))


def test_a_version_that_only_the_tables_told_was_not_delivered_and_older_ones_are_not_noted():
    recent = RecentChanges({"tasks"})
    recent.see(change(20))
    assert not recent.delivered(change(20))
    assert not recent.note(change(10))
    assert recent.note(change(20))


def test_what_was_noted_outlives_one_turn_and_not_two():
    recent = RecentChanges({"tasks"})
    recent.note(change(20))
    recent.turn()
    recent.turn()
    assert not recent.delivered(change(20))
    assert len(recent) == 0


def test_what_is_asked_for_outlives_every_turn():
    recent = RecentChanges({"tasks"})
    recent.note(change(20))
    for _ in range(3):
        recent.turn()
        assert recent.delivered(change(20))


def test_memory_is_bounded():
    recent = RecentChanges({"tasks"}, limit=10)
    for pk in range(100):
        recent.note(change(20, pk=pk))
        recent.see(change(20, pk=pk))
    assert len(recent) <= 4 * 10
    assert recent.delivered(change(20, pk=99))


def test_a5_what_one_user_was_told_is_not_known_to_another():
    recent = RecentChanges({"tasks"})
    recent.note(change(20, "create", user=1))
    assert not recent.delivered(change(20, "create", user=2))
    assert not recent.delivered(change(20, user=2))
    assert recent.note(change(10, "create", user=2))


# With auto_now an older time may be the later change.


def test_a3_without_a_monotonic_clock_an_older_version_is_told_and_known_only_if_it_was_told():
    recent = RecentChanges(set())
    recent.note(change(20))
    recent.see(change(20))
    assert not recent.delivered(change(10))
    assert recent.note(change(10))
    assert recent.delivered(change(10))
    assert recent.delivered(change(20))
    assert not recent.delivered(change(15))


def test_a3_without_a_monotonic_clock_a_creation_stands_for_the_one_version_that_it_was_told_with():
    recent = RecentChanges(set())
    recent.note(change(20, "create"))
    assert recent.delivered(change(20))
    assert not recent.delivered(change(15))
    assert recent.delivered(change(15, "create"))


def test_a3_without_a_monotonic_clock_memory_is_bounded_too():
    recent = RecentChanges(set(), limit=10)
    for at in range(1, 101):
        recent.note(change(at))
    assert len(recent) <= 2 * 10
    assert recent.delivered(change(100))
    assert not recent.delivered(change(1))


def test_what_was_published_before_a_user_lost_the_row_is_not_told_after_it():
    recent = RecentChanges(set())
    assert recent.note(Change("destroy", "books", 1, 7, 10, "{}"))
    assert not recent.note(Change("update", "books", 1, 7, 9, "{}"))
    # Another user's, another row's, and what came later.
    assert recent.note(Change("update", "books", 1, 8, 9, "{}"))
    assert recent.note(Change("update", "books", 2, 7, 9, "{}"))
    assert recent.note(Change("create", "books", 1, 7, 11, "{}"))


def test_a_destroy_is_known_by_its_very_time():
    recent = RecentChanges({"books"})
    recent.note(Change("create", "books", 1, 7, 12, "{}"))
    recent.note(Change("destroy", "books", 1, 7, 10, "{}"))
    assert recent.delivered(Change("destroy", "books", 1, 7, 10, "{}"))
    assert not recent.delivered(Change("destroy", "books", 1, 7, 11, "{}"))


def test_what_was_published_before_a_user_got_the_row_again_is_not_told_after_it():
    """The tables told of its return, while word of the loss still waited for Redis."""
    recent = RecentChanges(())
    lost = Change("destroy", "books", 1, 7, 10, "{}")
    assert recent.note(lost._replace(action="create", position=11))
    assert not recent.note(lost)
    assert recent.note(lost._replace(position=12))


def test_what_a_replay_told_of_the_end_of_a_row_is_not_followed_by_its_beginning():
    recent = RecentChanges(())
    recent.see(Change("destroy", "books", 1, 7, 10, "{}"))
    assert not recent.note(Change("create", "books", 1, 7, 9, "{}"))
    assert recent.note(Change("create", "books", 1, 7, 11, "{}"))
