"""What commands cost a socket: who repeats a subscribe, as real clients do, never reaches the limit."""

import pytest

from notifications.conf import CableSettings
from notifications.consumers import _cost_of
from notifications.ground.limits import TokenBucket
from notifications.wire.protocol import SUBSCRIBE, Command

LIMITS = CableSettings()
FIVE_MINUTES = 300.0
RETRY = 0.5  # seconds, of @rails/actioncable
# Of a Turbo stream: its name is signed.
IDENTIFIER = '{"channel":"Turbo::StreamsChannel","signed_stream_name":"' + "x" * 200 + '"}'
FRAME_BYTES = 400


@pytest.fixture
def bucket():
    return TokenBucket(LIMITS.commands_per_second, LIMITS.commands_burst, 0)


def test_e1_a_hundred_unconfirmed_subscribes_for_five_minutes_stay_within_the_limit(bucket):
    subscribe = Command(SUBSCRIBE, IDENTIFIER)
    for turn in range(int(FIVE_MINUTES / RETRY)):
        assert all(bucket.take(turn * RETRY, _cost_of(subscribe, FRAME_BYTES)) for _ in range(100))
        # And what the rest of the page does.
        assert all(bucket.take(turn * RETRY, _cost_of(Command("message", "I"), 100)) for _ in range(2))


@pytest.mark.parametrize("size", [100, 60_000])
def test_e1_a_flood_of_them_does_not(bucket, size):
    """A burst is 3.3 MB at most, and what follows 330 KB a second."""
    cost = _cost_of(Command(SUBSCRIBE, IDENTIFIER), size)
    taken = sum(bucket.take(10.0, cost) for _ in range(100_000))
    assert taken * cost <= LIMITS.commands_burst
    assert taken * size < 2**22
