"""The cable in somebody else's project: other models, UUIDs, session authentication; settings alone."""

import os
import subprocess
import sys

import httpx
import pytest

from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.site import ROOT

UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}


class Library:
    def __init__(self, database, redis):
        self.port = free_port()
        self.env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.plugged.settings",
            "DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-for-a-test",
            "PLUGGED_DATABASE": str(database),
            "REDIS_URL": redis.url,
        }

    def manage(self, *words):
        done = subprocess.run(
            [sys.executable, "-m", "django", *words], env=self.env, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def serve(self):
        command = [sys.executable, "-m", "daphne", "-p", str(self.port), "tests.plugged.asgi:application"]
        child = Child(command, env=self.env, cwd=ROOT)
        child.wait_until_it_answers(self.port)
        return child

    def shell(self, code):
        setup = "from tests.plugged.library.models import Book; from django.contrib.auth.models import User; "
        return self.manage("shell", "--verbosity", "0", "-c", setup + code)

    def connect(self, cookie, **options):
        url = f"ws://127.0.0.1:{self.port}/cable"
        return CableSocket(url, headers={"Cookie": f"sessionid={cookie}"}, **options)

    def browser(self):
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}")


@pytest.fixture(scope="module")
def library(tmp_path_factory, redis_server):
    found = Library(tmp_path_factory.mktemp("plugged") / "library.sqlite3", redis_server)
    found.manage("migrate", "--verbosity", "0")
    found.shell("User.objects.create_user('alice', password='secret'); User.objects.create_user('bob')")
    child = found.serve()
    yield found
    child.stop()


@pytest.fixture
def session(library):
    with library.browser() as browser:
        browser.get("/in?name=alice&password=secret")
        yield browser


def test_whoever_is_logged_in_hears_of_their_books(library, session):
    with library.connect(session.cookies["sessionid"]) as socket:
        socket.subscribe()
        library.shell("Book.objects.create(reader=User.objects.get(username='bob'), title='not hers')")
        pk = library.shell("print(Book.objects.create(reader=User.objects.get(username='alice')).pk)")
        assert socket.message() == {"action": "create#books", "id": pk}
        at = library.shell(
            f"book = Book.objects.get(pk='{pk}'); book.save(); print(int(book.changed_at.timestamp()))"
        )
        assert socket.message() == {"action": "update#books", "id": pk, "updatedAt": int(at)}


def test_what_was_missed_is_replayed_from_the_tables(library, session):
    pk = library.shell("print(Book.objects.create(reader=User.objects.get(username='alice')).pk)")
    with library.connect(session.cookies["sessionid"]) as socket:
        socket.subscribe('{"channel":"NotificationsChannel","since":1}')
        heard = [socket.message()]
        while heard[-1]["id"] != pk:
            heard.append(socket.message())
        assert heard[-1] == {"action": "create#books", "id": pk}


@pytest.mark.parametrize("cookie", ["", "garbage"])
def test_whoever_is_not_logged_in_is_refused(library, cookie):
    with library.connect(cookie, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_whoever_logged_out_is_refused(library, session):
    cookie = session.cookies["sessionid"]
    library.connect(cookie).close()
    session.get("/out")
    with library.connect(cookie, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_its_settings_pass_the_checks(library):
    assert "no issues" in library.manage("check")


def test_its_migrations_are_complete(library):
    assert "No changes" in library.manage("makemigrations", "--check", "--dry-run")
