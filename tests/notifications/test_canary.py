from notifications.broker.canary import Canaries, Canary


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


def number_of(notes, group):
    return next(note for each, note in notes if each == group)


def test_what_was_heard_of_all_is_what_the_slowest_shard_proves():
    canaries = Canaries(["a", "b"], now=0.0)
    first, second = list(canaries.sing(1.0)), list(canaries.sing(3.0))
    for notes in (first, second):
        assert canaries.hear(number_of(notes, "a"))
    assert canaries.heard_at == 0.0
    assert canaries.hear(number_of(first, "b"))
    assert canaries.heard_at == 1.0


def test_a_note_skipped_on_one_shard_is_a_gap():
    canaries = Canaries(["a", "b"], now=0.0)
    list(canaries.sing(1.0))
    assert not canaries.hear(number_of(canaries.sing(3.0), "b"))


def test_anothers_note_is_none():
    canaries = Canaries(["a"], now=2.0)
    assert canaries.hear("z:7")
    assert canaries.heard_at == 2.0


def test_a_new_layer_begins_with_what_it_proved():
    canaries = Canaries(["a"], now=0.0)
    canaries.begin(5.0)
    assert canaries.heard_at == 5.0
    assert canaries.hear(number_of(canaries.sing(6.0), "a"))
    assert canaries.heard_at == 6.0
