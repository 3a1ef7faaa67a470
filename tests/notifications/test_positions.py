"""What a position proves, and where a read for it starts."""

import random

import pytest

from notifications.wire.positions import JITTER, MICROSECONDS, Reach

REACH = Reach.of(overlap=60, reconcile_interval=30)
NOW = 1_700_000_000 * MICROSECONDS


def seconds(number):
    return int(number * MICROSECONDS)


def test_in_ordinary_operation_a_position_is_the_time_that_it_names():
    longest_interval = seconds(30 * (1 + JITTER))
    assert REACH.horizon(NOW - longest_interval - seconds(5), NOW) == NOW


def test_while_no_pass_is_completed_positions_stay_behind():
    assert REACH.horizon(NOW - seconds(3_600), NOW) == NOW - seconds(3_600) + REACH.lag


def test_a_clock_that_was_set_back_puts_no_position_ahead_of_it():
    assert REACH.horizon(NOW + seconds(3_600), NOW) == NOW


@pytest.mark.parametrize("seed", range(20))
def test_a2_what_a_client_was_not_told_lies_behind_no_read_for_a_position_that_it_was_given(seed):
    """
    A simulation: one process tells by passes alone (no signal reaches it), pings all the time, and is cut off
    at any moment; whoever reads the tables for the last ping finds what was not told.
    """
    chance = random.Random(seed)
    overlap, interval = chance.choice([(10, 8), (5, 40), (60, 30), (0.5, 3_600)])
    reach = Reach.of(overlap, interval)
    for _ in range(500):
        passes = [NOW]
        for _ in range(4):
            # Now and then one that the database delayed.
            passes.append(passes[-1] + seconds(interval * chance.uniform(0.8, chance.choice([1.2, 1.2, 9]))))
        cut = chance.randint(passes[0], passes[-1])
        reconciled = max(each for each in passes if each <= cut)
        committed = chance.randint(reconciled, passes[-1])
        updated_at = committed - seconds(overlap * chance.random() * 0.99) - 1
        ping = reach.horizon(reconciled, cut) // MICROSECONDS * MICROSECONDS
        assert reach.start(reach.certain(ping)) < updated_at


def test_a_read_never_starts_before_time_did():
    assert REACH.start(REACH.certain(5)) == 0


@pytest.mark.parametrize(("ahead", "future"), [(-1, False), (59, False), (61, True), (10**30, True)])
def test_e3_further_ahead_than_the_overlap_is_the_future(ahead, future):
    assert REACH.is_future(NOW + ahead * MICROSECONDS, NOW) is future


def test_e3_any_number_that_json_can_hold_is_compared():
    assert REACH.is_future(float("inf"), NOW)
    assert REACH.is_future(10**4_000, NOW)
