"""Models as other people have them: each change is told live and found again, or refused by a check."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core.checks import run_checks
from django.db.models import Count
from django.utils import timezone

import notifications
from lessy.accounts.models import User
from notifications.broker.events import changes_event, changes_of
from notifications.changes import history, rows
from notifications.changes.history import changes_since
from notifications.wire.payloads import microseconds
from tests.strangers.models import (
    Archived,
    Book,
    Car,
    Employee,
    Letter,
    Paperback,
    Person,
    Profile,
    Seat,
    Tag,
    Vehicle,
)
from tests.strangers.told import found_again, named, updated_at

pytestmark = pytest.mark.django_db(transaction=True)


def of_old(model, user, **columns):
    """A row of an hour ago."""
    row = model.objects.create(reader=user, **columns)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    model.objects.filter(pk=row.pk).update(added_at=an_hour_ago, changed_at=an_hour_ago)
    return model.objects.get(pk=row.pk)


# resources, the model whose instance is saved, and the names that it is told by
SAVED = [
    ({"books": Book}, Book, ["books"]),
    ({"books": Book}, Paperback, ["books"]),
    ({"paperbacks": Paperback}, Paperback, ["paperbacks"]),
    ({"paperbacks": Paperback}, Book, ["paperbacks"]),
    ({"vehicles": Vehicle}, Car, ["vehicles"]),
    ({"cars": Car}, Car, ["cars"]),
    ({"vehicles": Vehicle, "cars": Car}, Car, ["vehicles", "cars"]),
    ({"vehicles": Vehicle, "cars": Car}, Vehicle, ["vehicles"]),
    ({"books": Book, "paperbacks": Paperback}, Book, ["books", "paperbacks"]),
    ({"archived": Archived}, Archived, ["archived"]),
]


@pytest.mark.parametrize(("resources", "model", "names"), SAVED)
def test_a_save_is_told_live_and_found_again(alice, announce, heard, resources, model, names):
    announce(**resources)
    row = model.objects.create(reader=alice)
    told = named(heard())
    assert told == [("create", name, row.pk) for name in names]
    assert [each for each in found_again(alice, 0) if each[0] == "create"] == told
    row = of_old(model, alice)
    heard()
    since = microseconds(timezone.now())
    row.save()
    told = named(heard())
    assert told == found_again(alice, since) == [("update", name, row.pk) for name in names]


def test_a_row_that_the_default_manager_hides_is_found_again(alice, announce, heard):
    announce(archived=Archived)
    row = of_old(Archived, alice)
    heard()
    since = microseconds(timezone.now())
    row.removed = True
    row.save()
    assert named(heard()) == found_again(alice, since) == [("update", "archived", row.pk)]


def test_a_row_with_two_names_is_told_to_the_owners_of_both(alice, bob, heard, settings):
    columns = {"model": "strangers.Loan", "created_at": "", "updated_at": "changed_at"}
    settings.CABLE = {
        "RESOURCES": {"lent": columns | {"owner": "lender"}, "borrowed": columns | {"owner": "borrower"}}
    }
    from tests.strangers.models import Loan

    row = Loan.objects.create(lender=alice, borrower=bob)
    heard()
    row.borrower = alice
    row.save()
    assert [(change.user_id, *named([change])[0]) for change in heard()] == [
        (alice.pk, "update", "lent", row.pk),
        (bob.pk, "update", "borrowed", row.pk),
        (alice.pk, "create", "borrowed", row.pk),
    ]


def test_a_composite_primary_key_is_an_array(alice, announce, heard):
    announce(seats=Seat)
    number = uuid.uuid4()
    row = Seat.objects.create(room=7, number=str(number).upper(), reader=alice)
    row.save()
    created, updated = heard()
    assert json.loads(created.payload) == {"action": "create#seats", "id": [7, str(number)]}
    assert json.loads(updated.payload)["id"] == [7, str(number)]
    assert notifications.notify(Seat.objects.all()) == 1
    notified = heard()
    again = [change for change in changes_since([alice.pk], 0) if change.action == "update"]
    assert [change.row for change in again] == [change.row for change in notified] == [updated.row]
    # As the channel layer brings it back.
    [received] = changes_of(json.loads(json.dumps(changes_event([updated], 0.0))))
    assert received.row == updated.row


def test_many_rows_of_a_composite_key_and_of_one_time_are_found_page_by_page(alice, announce, monkeypatch):
    announce(seats=Seat)
    monkeypatch.setattr(history, "PAGE", 2)
    keys = [(room, uuid.UUID(int=number)) for room in (1, 2) for number in range(3)]
    for room, number in keys:
        Seat.objects.create(room=room, number=number, reader=alice)
    Seat.objects.update(changed_at=timezone.now(), added_at=timezone.now() - timedelta(hours=1))
    ids = [json.loads(change.pk) for change in changes_since([alice.pk], microseconds(timezone.now()))]
    assert ids == [[room, str(number)] for room, number in keys]


# notify

QUERYSETS = {
    "all": lambda rows: rows,
    "sliced": lambda rows: rows.order_by("pk")[:2],
    "ordered": lambda rows: rows.order_by("-title"),
    "annotated": lambda rows: rows.annotate(count=Count("tags")).filter(count__gte=0),
    "annotated, then values": lambda rows: rows.annotate(count=Count("tags")).values("title"),
    "values": lambda rows: rows.values("title"),
    "values_list": lambda rows: rows.values_list("pk", flat=True),
    "joined": lambda rows: rows.filter(tags__name__startswith="t"),
    "union": lambda rows: rows.filter(title="a").union(rows.filter(title="b")),
    "only": lambda rows: rows.only("title"),
    "select_related": lambda rows: rows.select_related("reader"),
    "prefetch_related": lambda rows: rows.prefetch_related("tags"),
    "distinct": lambda rows: rows.distinct(),
    "using": lambda rows: rows.using("default"),
    "proxy": lambda rows: Paperback.objects.all(),
    "evaluated": lambda rows: (list(rows), rows)[1],
}


@pytest.mark.parametrize("kind", QUERYSETS)
def test_notify_takes_any_queryset_of_rows(alice, announce, heard, kind):
    announce(books=Book)
    books = [Book.objects.create(reader=alice, title=title) for title in "ab"]
    for book in books:
        book.tags.set([Tag.objects.create(name=name) for name in ("t1", "t2")])
    heard()
    assert notifications.notify(QUERYSETS[kind](Book.objects.all())) == 2
    assert named(heard()) == [("update", "books", book.pk) for book in books]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (lambda: Book.objects.values("title").annotate(count=Count("pk")), "not the groups"),
        (lambda: [Book()], "not list"),
        (lambda: Book, "not Book"),
        (lambda: Book.objects, "not Manager"),
        (lambda: Book.objects.raw("SELECT 1"), "not RawQuerySet"),
    ],
)
def test_notify_says_what_it_cannot_take(announce, given, error):
    announce(books=Book)
    with pytest.raises((TypeError, ValueError), match=error):
        notifications.notify(given())


# Without USE_TZ


@pytest.fixture
def berlin(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Europe/Berlin"


def test_without_use_tz_times_are_those_of_the_time_zone(alice, announce, heard, berlin, caplog):
    announce(books=Book)
    before = datetime.now(UTC).replace(microsecond=0)
    row = Book.objects.create(reader=alice)
    row.save()
    created, updated = heard()
    assert named([created, updated]) == [("create", "books", row.pk), ("update", "books", row.pk)]
    assert row.changed_at.tzinfo is None
    assert updated_at(updated) == int(row.changed_at.timestamp())
    assert 0 <= updated_at(updated) - before.timestamp() < 60
    since = microseconds(before)
    assert found_again(alice, since) == [("create", "books", row.pk), ("update", "books", row.pk)]
    assert list(changes_since([alice.pk], since, limit=1, counted=since))
    assert notifications.notify(Book.objects.all()) == 1
    assert heard() == [updated]
    assert caplog.text == ""


def test_without_use_tz_nothing_is_missed_when_clocks_are_set_back(alice, announce, berlin, monkeypatch):
    """At 3:00 it is 2:00 again: what is saved at 2:00 is later than what was saved at 2:59."""
    announce(books=Book)
    Book.objects.create(reader=alice)
    set_back = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    Book.objects.update(changed_at=datetime(2026, 10, 25, 2, 0, 5), added_at=datetime(2026, 1, 1))
    for seconds in (-30, -1, 1):
        monkeypatch.setattr(history, "now", lambda: set_back + timedelta(seconds=10))
        [change] = changes_since(
            [alice.pk], microseconds(set_back + timedelta(seconds=seconds)) + history.overlap()
        )
        assert change.position == microseconds(set_back + timedelta(seconds=5))
    summer, winter = set_back - timedelta(days=30), set_back + timedelta(days=30)
    assert rows.as_stored(summer, until=summer) == datetime(2026, 9, 25, 3, 0)
    assert rows.as_stored(winter, until=winter) == datetime(2026, 11, 24, 2, 0)


# Checks


def checked(settings, **resource):
    settings.CABLE = {"RESOURCES": {"things": {"created_at": "", **resource}}}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}
    settings.CABLE["AUTHENTICATOR"] = "notifications.handshake.authentication.SessionAuthenticator"
    return [(message.id, message.msg, message.hint) for message in run_checks(tags=["sync_cable"])]


LETTER = {"model": "strangers.Letter", "updated_at": "changed_at"}
BOOK = {"model": "strangers.Book", "owner": "reader", "updated_at": "changed_at"}
REFUSED = [
    (LETTER | {"owner": "profile"}, "sync_cable.E014", "a foreign key to strangers.Profile"),
    (LETTER | {"owner": "by_email"}, "sync_cable.E014", "a foreign key to strangers.Person.email"),
    (LETTER | {"owner": "name"}, "sync_cable.E014", "a CharField"),
    (LETTER | {"owner": "id"}, "sync_cable.E014", "a BigAutoField"),
    ({"model": "strangers.Dated", "owner": "reader", "updated_at": "day"}, "sync_cable.E015", "a DateField"),
    ({"model": "strangers.Dated", "owner": "reader", "updated_at": "text"}, "sync_cable.E015", "a CharField"),
    (
        BOOK | {"created_at": "title"},
        "sync_cable.E015",
        "'created_at' is a CharField",
    ),
    (
        {"model": "strangers.Book", "owner": "tags", "updated_at": "changed_at"},
        "sync_cable.E001",
        "no column",
    ),
    ({"model": "auth.User", "owner": "id", "updated_at": "date_joined"}, "sync_cable.E001", "is replaced by"),
    ({"model": "strangers.Draft", "owner": "reader", "updated_at": "changed_at"}, "sync_cable.W005", "NULL"),
    ({"model": "strangers.Bare", "owner": "reader", "updated_at": ""}, "sync_cable.W005", "no 'updated_at'"),
]


@pytest.mark.parametrize(("resource", "check", "said"), REFUSED)
def test_what_cannot_work_is_said_by_the_checks(settings, resource, check, said):
    settings.AUTH_USER_MODEL = (
        "strangers.Person" if resource["model"] == "strangers.Letter" else "accounts.User"
    )
    [(found, text, hint)] = checked(settings, **resource)
    assert found == check
    assert said in text
    assert hint or check == "sync_cable.E001"


def test_an_owner_by_another_column_than_the_key_is_followed_as_an_audience(settings, heard):
    """As the hint says, and by its own words."""
    settings.AUTH_USER_MODEL = "strangers.Person"
    [(_, _, hint)] = checked(settings, **(LETTER | {"owner": "by_email"}))
    assert "'audience': 'by_email'" in hint
    assert not any("E" in found for found, *_ in checked(settings, **(LETTER | {"audience": "by_email"})))
    # Of whom one has the e-mail that is the key of the other.
    laura, dale = (Person.objects.create(email=email) for email in ("laura@example.com", "dale@example.com"))
    profile = Profile.objects.create(user=User.objects.create_user("leo", "leo@example.com"))
    employee = Employee.objects.create(email="shelly@example.com")
    ends = {"profile": profile, "person": dale, "employee": employee}
    letter = Letter.objects.create(by_email=laura, **ends)
    letter.save()
    letter.by_email = dale
    letter.save()
    pk = letter.pk
    letter.delete()
    assert [(each.action, each.pk, each.user_id) for each in heard()] == [
        ("create", pk, laura.pk),
        ("update", pk, laura.pk),
        ("update", pk, dale.pk),
        ("destroy", pk, laura.pk),
        ("create", pk, dale.pk),
        ("destroy", pk, dale.pk),
    ]


GOOD = [
    LETTER | {"owner": "person"},
    LETTER | {"owner": "employee"},
    {"model": "strangers.Person", "owner": "id", "updated_at": "changed_at"},
    {"model": "strangers.Employee", "owner": "person_ptr", "updated_at": "changed_at"},
]


@pytest.mark.parametrize("resource", GOOD)
def test_an_owner_whose_key_is_that_of_a_user_passes_the_checks(settings, resource):
    settings.AUTH_USER_MODEL = "strangers.Person"
    assert checked(settings, **resource) == []


def test_an_authenticator_of_ones_own_may_name_others_than_users(settings):
    checked(settings, **LETTER, owner="profile")
    settings.AUTH_USER_MODEL = "strangers.Person"
    settings.CABLE = settings.CABLE | {"AUTHENTICATOR": "lessy.accounts.cable.TokenAuthenticator"}
    [found] = run_checks(tags=["sync_cable"])
    assert found.id == "sync_cable.W006"
