from notifications.canary import Canary


def heard(canary, note):
    return canary.hear(int(note.rpartition(":")[2]))


def test_an_echo_proves_what_was_published_before_its_note():
    canary = Canary("c")
    first, second = canary.sing(1.0), canary.sing(3.0)
    assert heard(canary, first)
    assert canary.heard_at == 1.0
    assert heard(canary, second)
    assert canary.heard_at == 3.0


def test_a_skipped_note_is_a_gap():
    canary = Canary("c")
    canary.sing(1.0)
    assert not heard(canary, canary.sing(3.0))
    assert canary.heard_at == 3.0


def test_an_echo_that_comes_twice_is_none():
    canary = Canary("c")
    first, second = canary.sing(1.0), canary.sing(3.0)
    for note in (first, second, first):
        assert heard(canary, note)
    assert canary.heard_at == 3.0


def test_notes_of_the_layer_before_prove_nothing():
    canary = Canary("c")
    late = canary.sing(1.0)
    canary.begin(5.0)
    assert heard(canary, late)
    assert canary.heard_at == 5.0
