"""A bounded run; `make fuzz` sends 100,000 frames."""

import pytest

from tests.end_to_end.fuzz.attack import LIMITS, attack
from tests.support.site import new_site


@pytest.fixture
def fuzzed_site(redis_server):
    with new_site(redis_server, **LIMITS) as found:
        yield found


def test_malformed_frames_and_handshakes_harm_nobody(fuzzed_site):
    [server] = fuzzed_site.servers
    outcome = attack(fuzzed_site, server, frames=3_000, seed=1, warm_up=1_500)
    assert outcome.frames == 3_000
    assert outcome.handshakes > 100
    assert outcome.ended > 10
