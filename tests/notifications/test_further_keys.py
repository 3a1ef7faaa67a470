"""CABLE["RESOURCES"][…]["payload"]: further keys, the same at once and from the tables, at nobody's cost."""

import json
import logging

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Upper
from django.test.utils import CaptureQueriesContext

import notifications
from notifications.broker.outgoing import PAYLOADS_PER_EVENT, chunks_by_user
from notifications.changes.further import MAX_BYTES
from notifications.changes.history import changes_since, microseconds_now, reach
from notifications.ground.limits import seldom
from notifications.ground.metrics import metrics
from notifications.wire.payloads import PUBLIC, Change
from tests.strangers.models import Book, Line, Shelf
from tests.teams.models import Card

pytestmark = pytest.mark.django_db(transaction=True)


def keys(title, shelf_id):
    return {"title": title, "shelf": shelf_id}


def of_line(title):
    return {"title": title}


def of_card(title, is_public):
    return {"title": title}


def wrong(title):
    return eval(title)


async def awaited(title):
    return {}


def of_anything(**columns):
    return columns


def of_nothing():
    return {}


class Keys:
    pass


HERE = f"{__name__}."


@pytest.fixture
def books(announce):
    announce(books=Book, config={"payload": f"{HERE}keys"})


def told(changes):
    """What a notification says besides what every one does."""
    payloads = [json.loads(each.payload) for each in changes]
    return [
        (
            each.pop("action").partition("#")[0],
            {k: v for k, v in each.items() if k not in ("id", "updatedAt")},
        )
        for each in payloads
    ]


def from_tables(user):
    return told(changes_since([user.pk], microseconds_now() - 60_000_000 + reach().overlap))


# Alike


def test_a_save_and_the_tables_say_the_same(books, alice, heard):
    shelf = Shelf.objects.create()
    book = Book.objects.create(reader=alice, title="Dune", shelf=shelf)
    says = {"title": "Dune", "shelf": shelf.pk}
    assert told(heard()) == [("create", says)]
    book.save()
    assert told(heard()) == [("update", says)]
    assert from_tables(alice) == [("create", says), ("update", says)]


def test_what_a_form_assigned_is_told_as_the_table_has_it(books, alice, heard):
    shelf = Shelf.objects.create()
    Book.objects.create(reader=alice, title=7, shelf_id=str(shelf.pk))
    assert told(heard()) == [("create", {"title": "7", "shelf": shelf.pk})] == from_tables(alice)[:1]


READ_BACK = {
    "assigned and not saved": lambda book: (
        setattr(book, "title", "Emma"),
        book.save(update_fields=["shelf"]),
    ),
    "deferred": lambda book: Book.objects.only("shelf").get().save(),
    "an expression": lambda book: (setattr(book, "title", Upper(Value("dune"))), book.save()),
}


@pytest.mark.parametrize("how", READ_BACK)
def test_what_the_instance_does_not_know_is_read_by_one_query(books, alice, heard, how):
    book = Book.objects.create(reader=alice, title="Dune")
    heard()
    with CaptureQueriesContext(connection) as queries:
        READ_BACK[how](book)
    reads = [each["sql"] for each in queries if each["sql"].startswith("SELECT")]
    assert len(reads) <= (2 if how == "deferred" else 1)
    assert told(heard())[-1][1]["title"] == Book.objects.get().title


def test_a_save_that_knows_its_columns_costs_no_query(books, alice, django_assert_num_queries):
    book = Book.objects.create(reader=alice, title="Dune")
    with django_assert_num_queries(1):
        book.save()


def test_what_a_transaction_made_and_changed_is_told_as_it_is_now(books, alice, heard):
    with transaction.atomic():
        book = Book.objects.create(reader=alice, title="Dune")
        book.title = "Emma"
        book.save()
    assert told(heard()) == [("create", {"title": "Emma", "shelf": None})]


def test_whoever_loses_a_row_is_not_told_what_it_says_now(books, alice, bob, heard):
    book = Book.objects.create(reader=alice, title="Dune")
    heard()
    book.title, book.reader = "a secret of Bob's", bob
    book.save()
    by_user = {each.user_id: told([each])[0] for each in heard()}
    assert by_user == {alice.pk: ("update", {}), bob.pk: ("create", {"title": book.title, "shelf": None})}


def test_bulk_changes_that_are_announced_have_them_too(announce, alice, heard):
    announce(lines=Line, config={"payload": f"{HERE}of_line"})
    Line.objects.bulk_create([Line(reader=alice, title="a")])
    Line.objects.update(title="b")
    notifications.notify(Line.objects.all())
    says = [("create", {"title": "a"}), ("update", {"title": "b"}), ("update", {"title": "b"})]
    assert told(heard()) == says


def test_rows_of_several_readers_and_public_ones(settings, team, board, alice, heard):
    card = {"model": "teams.Card", "audience": "board__team__memberships__user"}
    settings.CABLE = {
        "RESOURCES": {"cards": {**card, "payload": f"{HERE}of_card", "public": {"is_public": True}}}
    }
    heard()
    card = Card.objects.create(board=board, title="red", is_public=True)
    assert {each.user_id: told([each])[0] for each in heard()} == {
        alice.pk: ("create", {"title": "red"}),
        PUBLIC: ("create", {"title": "red"}),
    }
    assert from_tables(alice)[0] == ("create", {"title": "red"})
    card.delete()
    assert {each[0]: each[1] for each in told(heard())} == {"destroy": {}}


# What it gets wrong


@pytest.mark.parametrize(
    ("returns", "why"),
    [
        ("1 / 0", "division by zero"),
        ("[1]", "'payload' returned a list: expected a dict"),
        ("{1: 2}", "keys ['1']: expected texts"),
        ("{'id': 2, 'x': 1}", "keys ['id'] are the notification's own"),
        ("{'x': {1, 2}}", "not JSON serializable"),
        ("{'x': float('nan')}", "not JSON compliant"),
        (f"{{'x': 'ä' * {MAX_BYTES}}}", "bytes of JSON: expected at most 2048"),
    ],
)
def test_what_cannot_be_told_is_left_out_logged_and_counted(announce, alice, heard, caplog, returns, why):
    announce(books=Book, config={"payload": f"{HERE}wrong"})
    seldom.__init__()
    before = metrics.counts["payload_failures"]
    with caplog.at_level(logging.ERROR, "notifications"):
        Book.objects.create(reader=alice, title=returns)
    assert told(heard()) == [("create", {})]
    assert metrics.counts["payload_failures"] == before + 1
    [line] = [each.getMessage() for each in caplog.records]
    assert "the further keys of a change of books are left out" in line
    assert why in line
    assert from_tables(alice) == [("create", {}), ("update", {})][: len(from_tables(alice))]


def test_a_thousand_failures_are_one_line(announce, alice, heard, caplog):
    announce(books=Book, config={"payload": f"{HERE}wrong"})
    seldom.__init__()
    for _ in range(20):
        Book.objects.create(reader=alice, title="1 / 0")
    assert len(heard()) == 20
    assert len([each for each in caplog.records if "further keys" in each.getMessage()]) <= 3


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (7, "is 7: expected the dotted path of a function"),
        ("nope", "nope doesn't look like a module path"),
        (f"{HERE}nope", 'does not define a "nope"'),
        (f"{HERE}HERE", "is not a function"),
        (f"{HERE}Keys", "is not a function"),
        (f"{HERE}awaited", "is not a function that can be called without awaiting"),
        (f"{HERE}of_anything", "takes **columns: expected columns by their names"),
        (f"{HERE}of_nothing", "takes nothing: expected columns by their names"),
        (f"{HERE}of_card", "takes 'is_public', which is not a column of strangers.Book"),
    ],
)
def test_a_function_that_cannot_be_asked_is_refused(announce, payload, why):
    announce(books=Book, config={"payload": payload})
    [message] = [each for each in run_checks(tags=["sync_cable"]) if each.id == "sync_cable.E001"]
    assert why in message.msg


# What travels


def test_events_stay_small():
    payload = "x" * MAX_BYTES
    changes = [Change("update", "books", pk, 1, pk, payload) for pk in range(300)]
    chunks = [chunk for _, chunk in chunks_by_user(changes)]
    assert [each.pk for chunk in chunks for each in chunk] == list(range(300))
    assert (
        max(sum(len(each.payload) for each in chunk) for chunk in chunks)
        <= PAYLOADS_PER_EVENT + 2 * MAX_BYTES
    )


def test_without_it_nothing_more_is_read(announce, alice):
    announce(books=Book)
    book = Book.objects.create(reader=alice)
    with CaptureQueriesContext(connection) as queries:
        list(changes_since([alice.pk], microseconds_now()))
        book.save(update_fields=["title", "changed_at"])
    assert not any('"title"' in each["sql"] for each in queries if each["sql"].startswith("SELECT"))
