"""Which groups are wanted, and who counted on one before it was proved."""

import asyncio

import pytest

from notifications.broker.groups import Groups


@pytest.fixture
async def groups():
    return Groups(["control"])


async def test_all_who_wait_for_a_group_wait_for_the_same(groups):
    assert groups.joined("g") is groups.joined("g")
    assert list(groups.waiting) == ["g"]


async def test_who_waits_for_a_group_goes_on_once_it_is_resolved(groups):
    mine, other = groups.joined("mine"), groups.joined("other")
    groups.resolve(["mine", "unknown"])
    assert mine.done()
    assert not other.done()
    groups.resolve(groups.waiting)
    assert other.done()
    assert not groups.waiting


async def test_the_earliest_who_counted_on_a_group_is_told_when_it_is_proved_once(groups):
    for group, since in (("a", 5.0), ("a", 6.0), ("b", 4.0)):
        groups.count_on(group, since)
    assert groups.proved(["a"]) == 5.0
    assert groups.proved(["a"]) is None
    assert groups.proved(["b", "a"]) == 4.0


async def test_a_new_session_makes_up_for_what_it_has_joined_and_the_rest_is_counted_on_anew(groups):
    groups.count_on("joined", 1.0)
    groups.begin_again(["missing"], 9.0)
    assert groups.proved(["joined"]) is None
    assert list(groups.waiting) == ["missing"]
    assert groups.proved(["missing"]) == 9.0


async def test_who_gave_up_waiting_does_not_disturb(groups):
    waiting = groups.joined("g")
    waiting.cancel()
    groups.resolve(["g"])
    await asyncio.sleep(0)
    assert not groups.waiting
