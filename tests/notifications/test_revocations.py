"""A revocation that overtakes the handshake it concerns. Pure."""

from notifications.hub.revocations import MEMORY_SECONDS, Revocations


def test_it_concerns_its_user_and_its_keys_since_its_time():
    revocations = Revocations()
    revocations.add(1, ["a", "b"], now=10)
    assert revocations.concern(1, "a", since=10)
    assert revocations.concern(1, "b", since=9)
    assert not revocations.concern(1, "a", since=11)
    assert not revocations.concern(1, "c", since=9)
    assert not revocations.concern(2, "a", since=9)


def test_one_of_every_key_concerns_each():
    revocations = Revocations()
    revocations.add(1, None, now=10)
    assert revocations.concern(1, "whatever", since=10)
    assert not revocations.concern(2, "whatever", since=10)


def test_the_last_of_several_counts():
    revocations = Revocations()
    revocations.add(1, ["a"], now=10)
    revocations.add(1, ["a"], now=20)
    revocations.add(2, None, now=11 + MEMORY_SECONDS)
    assert revocations.concern(1, "a", since=15)


def test_after_a_while_it_is_forgotten():
    revocations = Revocations()
    revocations.add(1, ["a"], now=10)
    revocations.add(2, ["b"], now=11 + MEMORY_SECONDS)
    assert not revocations.concern(1, "a", since=0)
    assert len(revocations) == len(revocations._at) == 1


def test_a10_a_handshake_looks_up_its_own_among_ten_thousand():
    class Key(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Key.compared += 1
            return str.__eq__(self, other)

    revocations = Revocations()
    for user in range(10_000):
        revocations.add(user, [Key(user)], now=10)
    Key.compared = 0
    assert not revocations.concern(-1, "a", since=5)
    assert revocations.concern(77, "77", since=5)
    assert Key.compared <= 2
