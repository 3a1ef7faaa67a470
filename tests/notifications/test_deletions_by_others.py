"""Deletions in the models of other people: UUIDs as keys, what is refused half-way, cascades, the admin."""

import pytest
from django.contrib.admin import ModelAdmin, site
from django.core.checks import run_checks
from django.db import IntegrityError, connection, models, transaction
from django.db.models import ProtectedError, RestrictedError
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from notifications.changes.history import changes_since, microseconds_now, reach
from notifications.changes.telling import visible
from notifications.models import Notice
from tests.strangers.models import Comment, Folder, Page, Reader, Stamp

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = {"created_at": "added_at", "updated_at": "changed_at"}


class Rule:
    """By hand, what the path says."""

    def users(self, rows):
        return [pair for pair in rows.values_list("pk", "folder__people") if pair[1] is not None]

    def rows(self, rows, users):
        return rows.filter(folder__people__in=users)


AUDIENCES = {"path": "folder__people", "rule": f"{__name__}.Rule"}


@pytest.fixture(params=AUDIENCES)
def told(request, told, settings):
    """Of pages and comments, whose readers are told by their text."""
    settings.AUTH_USER_MODEL = "strangers.Reader"
    settings.CABLE = {
        "RESOURCES": {
            "pages": {"model": "strangers.Page", "audience": AUDIENCES[request.param], **TIMES},
            "comments": {
                "model": "strangers.Comment",
                "audience": "page__folder__people",
                "created_at": "",
                "updated_at": "changed_at",
            },
        }
    }
    return told


@pytest.fixture
def laura(told):
    return Reader.objects.create(name="laura")


@pytest.fixture
def folder(laura):
    folder = Folder.objects.create()
    folder.people.add(laura)
    return folder


@pytest.fixture
def page(folder, told):
    page = Page.objects.create(folder=folder)
    told.clear()
    return page


def since_a_minute(user):
    position = microseconds_now() - 60_000_000 + reach().overlap
    return [
        (each.action, each.resource, each.pk)
        for each in visible(list(changes_since([str(user.pk)], position)))
    ]


# Keys


def test_rows_and_readers_with_uuids_hear_of_everything_at_once_and_later(told, folder, page, laura):
    key, reader = str(page.pk), str(laura.pk)
    page.save()
    assert told == [("update", "pages", key, reader)]
    assert since_a_minute(laura) == [("create", "pages", key), ("update", "pages", key)]
    told.clear()
    page.delete()
    assert told == [("destroy", "pages", key, reader)]
    assert since_a_minute(laura) == [("destroy", "pages", key)]


def test_many_readers_with_uuids_hear_alike(told, folder, page):
    readers = Reader.objects.bulk_create(Reader(name=str(number)) for number in range(40))
    folder.people.set(readers)
    told.clear()
    page.save()
    assert sorted(user for *_, user in told) == sorted(str(reader.pk) for reader in readers)


# Refused


@pytest.mark.parametrize(
    ("by", "error"),
    [("protects", ProtectedError), ("restricts", RestrictedError), ("points_at", IntegrityError)],
)
def test_a_deletion_that_is_refused_tells_nobody_and_leaves_no_notice(told, folder, page, laura, by, error):
    """DO_NOTHING is refused by the database: by the statement, or by the commit."""
    Page.objects.create(folder=folder)
    Stamp.objects.create(**{by: page})
    told.clear()
    with pytest.raises(error):
        folder.delete()
    assert told == []
    assert not Notice.objects.filter(is_destroy=True).exists()
    assert connection.execute_wrappers == []
    assert Page.objects.count() == 2


def test_what_the_transaction_does_after_a_refused_deletion_is_told(told, folder, page, laura):
    Stamp.objects.create(protects=page)
    told.clear()
    with transaction.atomic():
        with pytest.raises(ProtectedError), transaction.atomic():
            page.delete()
        page.save()
    assert told == [("update", "pages", str(page.pk), str(laura.pk))]
    assert not Notice.objects.filter(is_destroy=True).exists()


# Cascades


def test_children_go_with_what_leads_to_their_audience(told, folder, page, laura):
    """A folder takes its pages, these their comments, and the relation to its people is gone before them."""
    comments = [str(Comment.objects.create(page=page).pk) for _ in range(2)]
    told.clear()
    key, reader = str(page.pk), str(laura.pk)
    folder.delete()
    lost = [("pages", key), *(("comments", int(pk)) for pk in comments)]
    assert sorted(told, key=str) == sorted((("destroy", *each, reader) for each in lost), key=str)
    assert sorted(since_a_minute(laura), key=str) == sorted((("destroy", *each) for each in lost), key=str)


def test_half_of_a_cascade_in_a_savepoint_that_is_rolled_back(told, folder, page, laura):
    key, reader = str(page.pk), str(laura.pk)
    with transaction.atomic():
        with transaction.atomic():
            Folder.objects.all().delete()
            transaction.set_rollback(True)
        Page.objects.all().delete()
    assert told == [("destroy", "pages", key, reader)]
    assert Notice.objects.filter(is_destroy=True).count() == 1


# The admin


def test_the_bulk_delete_of_the_admin_is_one_statement_that_inserts(told, folder, laura):
    keys = sorted(str(Page.objects.create(folder=folder).pk) for _ in range(30))
    told.clear()
    with CaptureQueriesContext(connection) as queries:
        request = RequestFactory().post("/admin/strangers/page/")
        ModelAdmin(Page, site).delete_queryset(request, Page.objects.all())
    assert sum(each["sql"].startswith("INSERT") for each in queries) == 1
    assert sorted(told) == [("destroy", "pages", key, str(laura.pk)) for key in keys]


# What the database does by itself (Django 6.1)


@pytest.fixture
def db_cascade(monkeypatch):
    """db_cascade(field): as if it had been declared with DB_CASCADE, by whichever Django."""
    in_database = getattr(models, "DB_CASCADE", None) or type("", (), {"__name__": "DB_CASCADE"})()
    monkeypatch.setattr(models, "DB_CASCADE", in_database, raising=False)
    return lambda field: monkeypatch.setattr(field.remote_field, "on_delete", in_database)


def silent():
    return [each.msg for each in run_checks(tags=["sync_cable"]) if each.id == "sync_cable.W007"]


def test_rows_that_the_database_deletes_by_itself_are_named(told, db_cascade):
    assert silent() == []
    db_cascade(Page._meta.get_field("folder"))
    assert any("'pages'" in each and "strangers.Page.folder is DB_CASCADE" in each for each in silent())


def test_so_is_a_way_to_the_readers_that_the_database_takes_away(told, db_cascade):
    db_cascade(Folder.people.through._meta.get_field("reader"))
    assert any("'comments'" in each and "Folder_people.reader is DB_CASCADE" in each for each in silent())


def test_where_no_deletion_is_told_the_database_may_delete(told, settings, db_cascade):
    settings.AUTH_USER_MODEL = "accounts.User"
    settings.CABLE = {
        "RESOURCES": {"books": {"model": "strangers.Book", "owner": "reader", **TIMES}},
    }
    from tests.strangers.models import Book

    db_cascade(Book._meta.get_field("shelf"))
    assert silent() == []
