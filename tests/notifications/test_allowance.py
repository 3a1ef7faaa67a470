from notifications.wire.allowance import FORGET_SECONDS, MOST, Allowance


def test_the_deadline_doubles_after_each_read_that_overstayed_up_to_a_bound():
    allowance, given = Allowance(), []
    for _ in range(6):
        given.append(allowance.of(10, now=0))
        allowance.overstayed(given[-1], 10, now=0)
    assert given == [10, 20, 40, 10 * MOST, 10 * MOST, 10 * MOST]


def test_reads_that_overstay_together_double_it_once():
    allowance = Allowance()
    for _ in range(4):
        allowance.overstayed(10, 10, now=0)
    assert allowance.of(10, now=0) == 20


def test_it_is_short_again_when_nothing_overstayed_for_long():
    allowance = Allowance()
    allowance.overstayed(10, 10, now=0)
    assert allowance.of(10, now=FORGET_SECONDS) == 20
    assert allowance.of(10, now=FORGET_SECONDS + 1) == 10
