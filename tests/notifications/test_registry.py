"""Whose right ends when, whatever the clock does meanwhile. Pure."""

from types import SimpleNamespace

from notifications.hub.registry import LEFTOVERS, Registry

NOW = 1_800_000_000.0
HOUR, DAY = 3600, 24 * 3600


class Socket:
    user_id = 1
    hears = (1,)

    def __init__(self, expires_at):
        self.admission = SimpleNamespace(expires_at=expires_at)


def add(registry, expires_at):
    found = Socket(expires_at)
    registry.add(found)
    return found


def test_a_right_ends_once_and_not_before():
    registry = Registry()
    socket = add(registry, NOW + 1)
    assert registry.expire(NOW + 0.9) == []
    assert registry.expire(NOW + 1.25) == [socket]
    assert registry.expire(NOW + 1.25) == []


def test_one_without_an_end_stays():
    registry = Registry()
    add(registry, None)
    assert registry.expire(NOW + 1000 * DAY) == []


def test_one_that_ended_before_its_right_is_not_named():
    registry = Registry()
    gone, other = add(registry, NOW + 1), add(registry, NOW + 1)
    registry.remove(gone)
    assert registry.expire(NOW + 2) == [other]


def test_a10_a_clock_that_jumps_a_month_looks_at_what_exists_only():
    registry, looked = Registry(), []
    sockets = [add(registry, NOW + day * DAY) for day in (1, 2, 60)]
    registry.expire(NOW)

    class Counted(dict):
        def get(self, *args):
            looked.append(args)
            return super().get(*args)

        def pop(self, *args):
            looked.append(args)
            return super().pop(*args)

    registry._expiring = Counted(registry._expiring)
    assert registry.expire(NOW + 30 * DAY) == sockets[:2]
    assert len(looked) == 2


def test_a10_a_clock_that_was_an_hour_ahead_for_a_moment_forgets_no_right():
    registry = Registry()
    registry.expire(NOW)
    registry.expire(NOW + HOUR)
    socket = add(registry, NOW + 60)
    assert registry.expire(NOW + 30) == []
    assert registry.expire(NOW + 61) == [socket]


def test_a10_a_clock_set_back_ends_a_right_when_it_is_there_again():
    registry = Registry()
    socket = add(registry, NOW + 60)
    registry.expire(NOW)
    registry.expire(NOW - DAY)
    assert registry.expire(NOW + 61) == [socket]


def test_a10_a_right_that_had_ended_when_it_came_ends_at_once():
    registry = Registry()
    registry.expire(NOW)
    socket = add(registry, NOW - 10)
    assert registry.expire(NOW) == [socket]


def test_those_that_come_and_go_leave_nothing_behind():
    registry = Registry()
    for number in range(5 * LEFTOVERS):
        registry.remove(add(registry, NOW + number))
    assert len(registry._quarters) <= LEFTOVERS + 2
    socket = add(registry, NOW + 7)
    assert registry.expire(NOW + DAY) == [socket]
