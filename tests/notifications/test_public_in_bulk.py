"""What everybody hears of rows that become public, end to be, or are deleted softly, by saves or in bulk."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import notify
from notifications.changes.history import changes_since, microseconds_now, overlap
from notifications.changes.telling import visible
from notifications.wire.payloads import PUBLIC
from tests.strangers.models import Entry
from tests.strangers.ways import WAYS, by_save

pytestmark = pytest.mark.django_db(transaction=True)

ANNOUNCED = {"deleted_at": "archived_at", "public": {"title": "open"}}


@pytest.fixture
def everybody(announce, heard):
    """The actions that everybody was told since the last call, and would find again in the tables."""
    announce(config=ANNOUNCED, entries=Entry)
    began = microseconds_now()

    def actions():
        told = [each.action for each in heard() if each.user_id == PUBLIC]
        changes = visible(list(changes_since([PUBLIC], began + overlap())))
        return told, {each.action for each in changes}

    return actions


@pytest.fixture
def entry(everybody, alice):
    entry = Entry.objects.create(reader=alice, code="x", title="open")
    everybody()
    return entry


@pytest.mark.parametrize("change", WAYS)
def test_what_is_archived_is_gone_for_everybody(entry, everybody, change):
    change(entry, archived_at=timezone.now())
    assert everybody() == (["destroy"], {"destroy"})


@pytest.mark.parametrize("change", WAYS)
def test_what_comes_back_is_there_for_everybody(entry, everybody, change):
    by_save(entry, archived_at=timezone.now())
    everybody()
    change(entry, archived_at=None)
    told, found = everybody()
    assert told == ["create"]
    assert "destroy" not in found


# An upsert of the tests above does not write the title.
WAYS_TO_WRITE = [way for way in WAYS if way.__name__ != "by_upsert"]


@pytest.mark.parametrize("change", WAYS_TO_WRITE)
def test_what_is_public_no_more_is_gone_for_everybody(entry, everybody, change):
    change(entry, title="closed")
    assert everybody() == (["destroy"], {"destroy"})


@pytest.mark.parametrize("change", WAYS_TO_WRITE)
def test_what_becomes_public_is_there_for_everybody(entry, everybody, change):
    by_save(entry, title="closed")
    everybody()
    change(entry, title="open")
    told, found = everybody()
    # A save outside of a transaction tells of the row before it tells of who may see it.
    assert told[-1] == "create"
    assert "destroy" not in found


@pytest.mark.parametrize("change", WAYS)
def test_what_was_never_public_is_not_told(entry, everybody, change):
    by_save(entry, title="closed")
    everybody()
    change(entry, archived_at=timezone.now())
    assert everybody()[0] == []


def test_what_another_program_archives_is_found_and_can_be_announced(entry, everybody, alice):
    Entry.objects.create(reader=alice, code="y", title="closed")
    everybody()
    now = timezone.now()
    Entry._base_manager.update(archived_at=now, changed_at=now)
    assert everybody() == ([], {"destroy"})
    notify(Entry.objects.all())
    assert everybody()[0] == ["destroy"]


def test_it_costs_two_queries_more(entry, announce, heard):
    def selects():
        with CaptureQueriesContext(connection) as queries:
            Entry.objects.update(title="open")
        return sum(query["sql"].startswith("SELECT") for query in queries)

    with_public = selects()
    announce(config={"deleted_at": "archived_at"}, entries=Entry)
    # One of them asks before it is told whether it still is.
    assert with_public == selects() + 3
