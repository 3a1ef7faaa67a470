"""Histograms are lists of integers, and count what Prometheus expects of them."""

from notifications.ground.metrics import Histogram


def observed(*values, bounds=(10, 100)):
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    return histogram


def test_a_value_is_counted_below_the_first_bound_that_it_does_not_exceed():
    assert observed(1, 10, 11, 100, 101).buckets == [2, 2, 1]


def test_the_sum_is_kept():
    assert observed(5, 50, 500).sum == 555


def test_a_clock_that_is_ahead_makes_no_negative_time():
    histogram = observed(-7)
    assert (histogram.buckets, histogram.sum) == ([1, 0, 0], 0)


def test_a_quantile_is_the_bound_that_so_many_did_not_exceed():
    histogram = observed(*[5] * 98, 50, 50)
    assert (histogram.quantile(0.5), histogram.quantile(0.99)) == (10, 100)


def test_there_is_no_quantile_of_nothing_nor_above_every_bound():
    assert observed().quantile(0.5) is None
    assert observed(1_000).quantile(0.5) is None
