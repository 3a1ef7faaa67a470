"""Readers by way of a GenericRelation: shares of rows of any model."""

import pytest
from django.core.checks import run_checks

from tests.strangers.models import Entry, Line, Share

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = {"created_at": "", "updated_at": ""}
RESOURCES = {
    "entries": {"model": "strangers.Entry", "audience": ["reader", "shares__user"], **TIMES},
    "shares": {"model": "strangers.Share", "audience": "entries__reader", **TIMES},
}


@pytest.fixture
def told(told, settings):
    settings.CABLE = {"RESOURCES": {"entries": RESOURCES["entries"]}}
    return told


@pytest.fixture
def entries(told, alice):
    """Two of alice, and a line with the key of the first."""
    made = [Entry.objects.create(reader=alice) for _ in range(2)]
    Line.objects.create(pk=made[0].pk, reader=alice)
    told.clear()
    return made


@pytest.fixture
def share(entries, told, bob):
    share = Share.objects.create(row=entries[0], user=bob)
    told.clear()
    return share


def messages():
    return {each.id: each.msg for each in run_checks(tags=["sync_cable"])}


@pytest.mark.parametrize("name", RESOURCES)
def test_the_checks_know_its_columns(told, settings, name):
    """Of an index with the type of the object first, as Django's documentation has it."""
    settings.CABLE = {"RESOURCES": {name: RESOURCES[name]}}
    assert not {"sync_cable.E001", "sync_cable.W004"} & set(messages())


def test_an_object_that_is_found_by_no_index_is_named(told, monkeypatch):
    monkeypatch.setattr(Share._meta, "indexes", [])
    assert "strangers.Share.object_id has no index" in messages()["sync_cable.W004"]


def test_who_gets_a_share_gets_the_row_and_hears_of_it(told, entries, bob, alice):
    Share.objects.create(row=entries[0], user=bob)
    assert told == [("create", "entries", entries[0].pk, bob.pk)]
    told.clear()
    entries[0].save()
    assert sorted(told) == [("update", "entries", entries[0].pk, user.pk) for user in (alice, bob)]


LOSSES = {
    "the share is deleted": lambda share, line: share.delete(),
    "it becomes one of a row of another model": lambda share, line: (
        setattr(share, "row", line),
        share.save(),
    ),
}


@pytest.mark.parametrize("deed", LOSSES)
def test_who_loses_a_share_loses_the_row(told, entries, share, bob, deed):
    LOSSES[deed](share, Line.objects.get())
    assert told == [("destroy", "entries", entries[0].pk, bob.pk)]


def test_a_share_of_another_row_is_lost_and_got(told, entries, share, bob):
    share.object_id = entries[1].pk
    share.save()
    assert sorted(told) == [
        ("create", "entries", entries[1].pk, bob.pk),
        ("destroy", "entries", entries[0].pk, bob.pk),
    ]


def test_a_row_takes_its_shares_with_it(told, entries, share, alice, bob):
    pk = entries[0].pk
    entries[0].delete()
    assert sorted(told) == [("destroy", "entries", pk, user.pk) for user in (alice, bob)]


def test_the_way_back_leads_to_the_owner_of_what_is_shared(told, settings, entries, share, alice, bob):
    settings.CABLE = {"RESOURCES": {"shares": RESOURCES["shares"]}}
    share = Share.objects.get()
    share.save()
    assert told == [("update", "shares", share.pk, alice.pk)]
    told.clear()
    entries[0].reader = bob
    entries[0].save()
    assert sorted(told) == [("create", "shares", share.pk, bob.pk), ("destroy", "shares", share.pk, alice.pk)]
