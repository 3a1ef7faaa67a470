from notifications.ground.limits import Breaches, TokenBucket


def test_a_burst_is_allowed_and_then_so_many_a_second():
    bucket = TokenBucket(rate=2, burst=3, now=100)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5) for _ in range(2)] == [True, False]


def test_what_is_saved_up_never_exceeds_the_burst():
    bucket = TokenBucket(rate=2, burst=3, now=100)
    assert [bucket.take(9_999) for _ in range(4)] == [True, True, True, False]


def test_it_is_full_again_when_the_burst_is_earned():
    bucket = TokenBucket(rate=2, burst=3, now=100)
    for _ in range(3):
        bucket.take(100)
    assert not bucket.is_full(101)
    assert bucket.is_full(101.5)


def test_a_flood_of_breaches_is_one_line_a_second_that_counts_the_rest(caplog):
    breaches = Breaches()
    for _ in range(1_000):
        breaches.report("frames", "closed a socket of user 5", now=100)
    breaches.report("frames", "closed a socket of user 6", now=101)
    assert caplog.messages == [
        "closed a socket of user 5: over the limit of frames",
        "closed a socket of user 6: over the limit of frames (999 more since the last such line)",
    ]


def test_each_limit_has_its_own_line(caplog):
    breaches = Breaches()
    breaches.report("frames", "closed a socket", now=100)
    breaches.report("sockets", "closed a socket", now=100)
    assert len(caplog.messages) == 2
