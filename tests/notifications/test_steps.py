"""What one user hears of a row to which a transaction did several things."""

from itertools import product

from notifications.changes.steps import AUDIENCE, Step, net, recorded
from notifications.wire.payloads import Change


def change(action, at, user=1, pk=1):
    return Change(action, "tasks", pk, user, at, "{}")


def created(at, **row):
    return Step(change("create", at, **row))


def updated(at, **row):
    return Step(change("update", at, **row))


def came(at, **row):
    return Step(change("create", at, **row), otherwise=change("update", at, **row))


def left(at, **row):
    return Step(change("update", at, **row), leaves=True)


def test_a_creation_swallows_updates_and_stands_for_them():
    assert net([created(1), updated(2), updated(3)]) == [change("create", 3)]


def test_of_several_updates_the_latest_stays_in_the_place_of_the_last():
    assert net([updated(1), updated(1, pk=2), updated(2)]) == [change("update", 1, pk=2), change("update", 2)]
    # As when an instance that was read before the first save is saved without its time.
    assert net([updated(2), updated(1)]) == [change("update", 2)]


def test_a5_who_got_and_lost_a_row_hears_nothing_of_it():
    assert net([created(1), left(2), came(2, user=2)]) == [change("create", 2, user=2)]
    assert net([came(1), updated(2), left(3)]) == []


def test_a5_who_lost_a_row_and_got_it_back_hears_of_an_update():
    assert net([left(1), came(2)]) == [change("update", 2)]
    assert net([updated(1), left(2), came(3), updated(4)]) == [change("update", 4)]


def test_a5_who_got_a_row_hears_of_a_create_whatever_happened_to_it_then():
    assert net([came(1), left(2), came(3), updated(4)]) == [change("create", 4)]


def test_a5_any_sequence_amounts_to_what_the_user_had_and_has():
    for kinds in product((updated, came, left), repeat=4):
        has = had = kinds[0] is not came
        legal = []
        for at, kind in enumerate(kinds):
            if (kind is came) != has:
                legal.append(kind(at))
                has = kind is not left
        actions = [each.action for each in net(legal)]
        if legal:
            assert actions == (["update"] if had else ["create"] if has else [])


def destroyed(at, **row):
    return Step(change("destroy", at, **row), recorded=True)


def test_a_deletion_swallows_what_was_before_it():
    assert net([updated(1), updated(2), destroyed(3)]) == [change("destroy", 3)]


def test_what_was_made_and_deleted_in_one_transaction_was_never_there():
    assert net([created(1), updated(2), destroyed(3)]) == []
    assert recorded([created(1), destroyed(3)]) == []
    # Nor for one of those who would have seen it; and nobody sees the row now.
    assert net([created(1, user=AUDIENCE), destroyed(3)]) == [change("create", 1, user=AUDIENCE)]


def test_a_key_that_is_used_again_is_told_as_a_destroy_and_then_a_create():
    assert net([destroyed(1), created(2)]) == [change("destroy", 1), change("create", 2)]
    assert net([destroyed(1), created(2), destroyed(3)]) == [change("destroy", 1)]
    assert net([destroyed(1), destroyed(2)]) == [change("destroy", 2)]


def test_only_what_no_table_tells_is_recorded():
    entered = created(2, pk=2)._replace(recorded=True)
    steps = [updated(1), destroyed(1), entered, created(3, pk=3)]
    assert recorded(steps) == [change("destroy", 1), change("create", 2, pk=2)]
    assert recorded([updated(1), created(2, pk=2)]) == []


def test_a_row_that_is_made_again_under_its_key_is_a_create():
    assert net([updated(1), created(2), updated(3)]) == [change("create", 3)]
