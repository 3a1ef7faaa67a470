"""
The cable in a third-party project: other models, UUIDs, session authentication; added by settings alone. The
cable is installed from the wheel, and this repository is not on sys.path.
"""

import pytest

from tests.plugged.installation import CABLE_SERVE, DAPHNE, message_of

UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}


@pytest.fixture(scope="module")
def server(library):
    return library.serve(CABLE_SERVE)


@pytest.fixture
def session(server):
    with server.browser() as browser:
        browser.get("/in?name=alice&password=secret")
        yield browser


def test_whoever_is_logged_in_hears_of_their_books(library, server, session):
    with server.connect(session.cookies["sessionid"]) as socket:
        socket.subscribe()
        bobs = library.script("print(Book.objects.create(reader=User.objects.get(username='bob')).pk)")
        pk = library.script("print(Book.objects.create(reader=User.objects.get(username='alice')).pk)")
        assert message_of(socket, pk, [bobs]) == {"action": "create#books", "id": pk}
        at = library.script(
            f"book = Book.objects.get(pk='{pk}'); book.save(); print(int(book.changed_at.timestamp()))"
        )
        assert message_of(socket, pk, [bobs]) == {"action": "update#books", "id": pk, "updatedAt": int(at)}


def test_a3_changes_with_an_earlier_time_arrive_live(library, server, session):
    """With auto_now: a stale instance (a), a time taken earlier (b), a server whose clock is behind (c)."""
    with server.connect(session.cookies["sessionid"]) as socket:
        socket.subscribe()
        printed = library.script(CHANGES_WITH_EARLIER_TIMES)
        pk, *times = printed.split()
        assert message_of(socket, pk) == {"action": "create#books", "id": pk}
        for at in times:
            assert message_of(socket, pk) == {"action": "update#books", "id": pk, "updatedAt": int(at)}
        assert int(times[1]) < int(times[0])


CHANGES_WITH_EARLIER_TIMES = """
from datetime import timedelta
from unittest import mock
from django.utils import timezone
import sync_cable
book = Book.objects.create(reader=User.objects.get(username='alice'))
print(book.pk)
tell = lambda: print(int(Book.objects.get(pk=book.pk).changed_at.timestamp()))
now = timezone.now()
def save(ahead, book, **options):
    with mock.patch('django.utils.timezone.now', lambda: now + timedelta(seconds=ahead)):
        book.save(**options)
a, b = (Book.objects.get(pk=book.pk) for _ in 'ab')
save(5, b)
tell()
a.save(update_fields=['title'])
print(max(int(a.changed_at.timestamp()) + 1, int(now.timestamp())))
Book.objects.filter(pk=book.pk).update(changed_at=now + timedelta(seconds=3))
sync_cable.notify(Book.objects.filter(pk=book.pk))
tell()
save(4, book)
tell()
save(1, book)
tell()
"""


def test_what_was_missed_is_replayed_from_the_tables(library, server, session):
    pk = library.script("print(Book.objects.create(reader=User.objects.get(username='alice')).pk)")
    with server.connect(session.cookies["sessionid"]) as socket:
        socket.subscribe('{"channel":"NotificationsChannel","since":1}')
        heard = [socket.message()]
        while heard[-1]["id"] != pk:
            heard.append(socket.message())
        assert heard[-1] == {"action": "create#books", "id": pk}


def test_it_works_on_plain_daphne_as_well(library, session):
    other = library.serve(DAPHNE)
    with other.connect(session.cookies["sessionid"]) as socket:
        socket.subscribe()
        pk = library.script("print(Book.objects.create(reader=User.objects.get(username='alice')).pk)")
        assert message_of(socket, pk) == {"action": "create#books", "id": pk}


@pytest.mark.parametrize("cookie", ["", "garbage"])
def test_whoever_is_not_logged_in_is_refused(server, cookie):
    with server.connect(cookie, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_whoever_logged_out_is_refused(server, session):
    cookie = session.cookies["sessionid"]
    server.connect(cookie).close()
    session.get("/out")
    with server.connect(cookie, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_its_settings_pass_the_checks(library):
    assert "no issues" in library.manage("check")


def test_its_migrations_are_complete(library):
    assert "No changes" in library.manage("makemigrations", "--check", "--dry-run")
