from notifications.wire.heartbeat import TimerWheel


def test_a_member_comes_due_once_in_a_turn():
    wheel = TimerWheel(4)
    wheel.add("a", 0.5)
    assert [list(wheel.advance()) for _ in range(8)] == [[], [], ["a"], []] * 2


def test_the_fraction_says_when_it_first_comes_due():
    wheel = TimerWheel(4)
    wheel.add("first", 0)
    wheel.add("last", 0.99)
    assert [list(wheel.advance()) for _ in range(4)] == [["first"], [], [], ["last"]]


def test_whoever_is_removed_never_comes_due():
    wheel = TimerWheel(2)
    slot = wheel.add("a", 0)
    wheel.remove("a", slot)
    assert len(wheel) == 0
    assert [list(wheel.advance()) for _ in range(2)] == [[], []]


def test_members_may_leave_while_their_slot_is_due():
    wheel = TimerWheel(1)
    slots = {name: wheel.add(name, 0) for name in "abc"}
    for name in wheel.advance():
        wheel.remove(name, slots[name])
    assert len(wheel) == 0
