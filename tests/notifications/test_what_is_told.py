"""The table of docs/plugging-in.md, row by row."""

import contextlib
import json
from datetime import timedelta
from functools import partial

import pytest
from django.core import serializers
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

import notifications
from notifications.changes.history import changes_since, overlap
from notifications.wire.payloads import microseconds
from tests.strangers.models import Archived, Bare, Book, Car, Draft, Line, Paperback, Shelf, Tag, Vehicle
from tests.support.site import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR = timedelta(hours=1)
TIMES = {"owner": "reader", "created_at": "added_at", "updated_at": "changed_at"}
UNTIMED = {"owner": "reader", "created_at": "", "updated_at": ""}
RESOURCES = {
    "books": {"model": "strangers.Book", **TIMES},
    "vehicles": {"model": "strangers.Vehicle", **TIMES},
    "lines": {"model": "strangers.Line", **TIMES, "relations": ["tags"]},
    "drafts": {"model": "strangers.Draft", **TIMES},
    "bare": {"model": "strangers.Bare", **UNTIMED},
    "archived": {"model": "strangers.Archived", **TIMES, "deletions": True},
}


def table():
    """what you do → (at once, later)."""
    text = (ROOT / "docs/plugging-in.md").read_text().partition("## What is announced, and when")[2]
    lines = text.partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {what: (at_once, later) for what, at_once, later in rows[1:]}


class World:
    """old(Book): a row of an hour ago that belongs to alice."""

    def __init__(self, alice, bob):
        self.alice, self.bob = alice, bob

    def old(self, model, **columns):
        row = model.objects.create(**({"reader": self.alice} | columns))
        if hasattr(row, "changed_at"):
            ago = timezone.now() - AN_HOUR
            type(row)._base_manager.filter(pk=row.pk).update(added_at=ago, changed_at=ago)
        return model._base_manager.get(pk=row.pk)


@contextlib.contextmanager
def times_as_given(model):
    """auto_now overwrites whatever bulk_create is given."""
    fields = [model._meta.get_field("changed_at"), model._meta.get_field("added_at")]
    names = ("auto_now", "auto_now_add")
    before = [[getattr(field, name) for name in names] for field in fields]
    for field in fields:
        field.auto_now = field.auto_now_add = False
    yield
    for field, values in zip(fields, before, strict=True):
        field.auto_now, field.auto_now_add = values


def import_of_old(world, model):
    def do():
        at = timezone.now() - 24 * AN_HOUR
        with times_as_given(model):
            model.objects.bulk_create([model(reader=world.alice, added_at=at, changed_at=at)])

    return do


def on(model, deed):
    """With a row of old."""
    return lambda world: partial(deed, world.old(model))


def moved(world):
    book = world.old(Book)
    book.reader = world.bob
    return book.save


def rolled_back(world):
    def do():
        with transaction.atomic():
            Book.objects.create(reader=world.alice)
            transaction.set_rollback(True)

    return do


def stored(moment):
    return Book._meta.get_field("changed_at").get_db_prep_value(moment, connection)


def by_sql(book, column, value):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE strangers_book SET {column} = %s WHERE id = %s", [value, book.pk])


def relation(world):
    book, tag = world.old(Book), Tag.objects.create(name="t")

    def do():
        book.tags.add(tag)
        tag.books.remove(book)
        book.tags.set([tag])
        book.tags.clear()

    return do


def tagging(world):
    line, tag = world.old(Line), Tag.objects.create(name="t")
    return lambda: line.tags.add(tag)


def reverse_side(world):
    shelf = Shelf.objects.create()
    books = [world.old(Book), world.old(Book, shelf=shelf)]

    def do():
        shelf.books.add(books[0])
        shelf.books.remove(books[1])
        shelf.delete()

    return do


def fixture(book, ago=timedelta()):
    # JSON holds whole milliseconds.
    book.changed_at = timezone.now() - ago + timedelta(milliseconds=2)
    for found in serializers.deserialize("json", serializers.serialize("json", [book])):
        found.save()


def migration(world):
    book = world.old(Book)
    model = MigrationLoader(connection).project_state(("strangers", "0001_initial")).apps
    return model.get_model("strangers", "Book").objects.get(pk=book.pk).save


def cascade(world, model):
    rows = [world.old(model), world.old(model)]

    def do():
        rows[0].delete()
        model.objects.filter(pk=rows[1].pk).delete()

    return do


def parent(world):
    car = world.old(Car)
    return Vehicle.objects.get(pk=car.pk).save


def bulk_update(book):
    book.changed_at = timezone.now()
    Book.objects.bulk_update([book], ["title", "changed_at"])


def bulk_update_and_notify(book):
    bulk_update(book)
    notifications.notify(Book.objects.all())


# what you do → whatever makes ready, and returns the deed; several, if the row names several.
DEEDS = {
    "`save()` of a new row, `create()`; forms, the admin, an API": [
        lambda world: lambda: Book.objects.create(reader=world.alice),
        lambda world: Book(reader=world.alice).save,
    ],
    "`save()` of a row, `update_or_create()`": [
        lambda world: world.old(Book).save,
        on(Book, lambda book: Book.objects.update_or_create(pk=book.pk, defaults={"title": "x"})),
    ],
    "`save()` by a proxy, or by a child of multi-table inheritance": [
        lambda world: Paperback.objects.get(pk=world.old(Book).pk).save,
        lambda world: world.old(Car).save,
    ],
    "`save()` with another owner": [moved],
    '`save(update_fields=["title"])`, without the update time': [
        on(Book, lambda book: book.save(update_fields=["title"])),
    ],
    '`only("title")` and `save()`': [
        lambda world: Book.objects.only("title").get(pk=world.old(Book).pk).save
    ],
    "`save()` with an update time of long ago": [on(Draft, lambda draft: draft.save())],
    '`save()` of a row whose update time is NULL, or that has none (`"updated_at": ""`)': [
        lambda world: Draft.objects.create(reader=world.alice).save,
        lambda world: Bare.objects.create(reader=world.alice).save,
    ],
    "`save()` of a row without an owner": [lambda world: world.old(Book, reader=None).save],
    "`save()`, and then a rollback": [rolled_back],
    "`bulk_create()`": [lambda world: lambda: Book.objects.bulk_create([Book(reader=world.alice)])],
    "`bulk_create()` with times of long ago": [lambda world: import_of_old(world, Book)],
    "`update()`, `bulk_update()`, SQL, triggers, with the update time": [
        on(Book, lambda book: Book.objects.update(changed_at=timezone.now())),
        on(Book, bulk_update),
        on(Book, lambda book: by_sql(book, "changed_at", stored(timezone.now()))),
    ],
    "`update()`, `bulk_update()`, SQL, triggers, without the update time": [
        on(Book, lambda book: Book.objects.update(title="x")),
        on(Book, lambda book: Book.objects.bulk_update([book], ["title"])),
        on(Book, lambda book: by_sql(book, "title", "x")),
    ],
    "any of these, and then `sync_cable.notify(rows)`": [
        on(Book, bulk_update_and_notify),
    ],
    "`bulk_create()` of an `AnnouncedQuerySet`": [
        lambda world: lambda: Line.objects.bulk_create([Line(reader=world.alice)])
    ],
    "`bulk_create()` of an `AnnouncedQuerySet`, with times of long ago": [
        lambda world: import_of_old(world, Line)
    ],
    "`update()`, `bulk_update()` of an `AnnouncedQuerySet`": [
        on(Line, lambda line: Line.objects.update(title="x")),
        on(Line, lambda line: Line.objects.bulk_update([line], ["title"])),
    ],
    "`delete()` of rows or of a queryset, a cascade": [lambda world: cascade(world, Book)],
    'the same, with [`"deletions": True`](readers.md)': [lambda world: cascade(world, Archived)],
    "`add()`, `set()`, `remove()`, `clear()` of a many-to-many relation": [relation],
    'the same, with `"relations": ["tags"]`': [tagging],
    "`add()` and `remove()` of the reverse side of a foreign key, `on_delete=SET_NULL`": [reverse_side],
    "`loaddata` of a fixture": [on(Book, fixture)],
    "`save()` in a data migration (`apps.get_model()`)": [migration],
}
# A resource of its own.
CARS = "`save()` of a parent's row, where a child is the resource and the parent has the update time"
ALL = [(what, deed) for what, deeds in DEEDS.items() for deed in deeds] + [(CARS, parent)]


def test_the_table_has_no_other_rows():
    assert set(table()) == {*DEEDS, CARS}


@pytest.mark.parametrize(("what", "deed"), ALL)
def test_what_you_do_is_told_as_the_table_says(alice, bob, settings, heard, what, deed):
    at_once, later = table()[what]
    cars = {"cars": {"model": "strangers.Car", **TIMES}}
    settings.CABLE = {"RESOURCES": cars if what == CARS else RESOURCES}
    do = deed(World(alice, bob))
    heard()
    since = microseconds(timezone.now()) + overlap()
    do()
    told = {change.action for change in heard()}
    assert told == {word for word in ("create", "update", "destroy") if word in at_once}
    found = [json.loads(change.payload) for change in changes_since([alice.pk, bob.pk], since)]
    assert bool(found) == (later != "no")


def test_a_fixture_of_old_is_not_found_later(alice, bob, settings):
    settings.CABLE = {"RESOURCES": RESOURCES}
    book = World(alice, bob).old(Book)
    since = microseconds(timezone.now()) + overlap()
    fixture(book, AN_HOUR)
    assert list(changes_since([alice.pk], since)) == []
