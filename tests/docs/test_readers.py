"""docs/readers.md, as a reader follows it who has built docs/plugging-in.md, served."""

import json
import time

import pytest

from tests.docs.newcomer import Project, served, token_of
from tests.docs.pages import blocks
from tests.support.cable import BASE, EXTENDED, CableSocket
from tests.support.site import ROOT

PAGE = "docs/readers.md"
SETTINGS = (
    "the resource, in mysite/settings.py",
    "a resource whose deletions are told",
    "what is public, in mysite/settings.py",
    "further keys, in mysite/settings.py",
    "the middleware, in mysite/settings.py",
)
START = """
import sync_cable
from library.models import Book
from teams.models import Board, Card, Membership, Team
from sync_cable.broker.publisher import publisher
from django.contrib.auth.models import User
"""


class Teams(Project):
    """One of sessions, and then this page."""

    def _build(self, chapters):
        super()._build(chapters)
        (self.folder / "teams").mkdir()
        (self.folder / "teams" / "__init__.py").touch()
        settings = self.folder / "mysite/settings.py"
        added = [each.text for each in blocks(PAGE, "python") if each.title in SETTINGS]
        settings.write_text("\n".join([settings.read_text(), 'INSTALLED_APPS += ["teams"]', *added]))
        admin = "from django.contrib import admin\nfrom .models import Book\nadmin.site.register(Book)\n"
        (self.folder / "library/admin.py").write_text(admin)
        for each in blocks(PAGE, "python"):
            if each.title and each.title.endswith(".py") and each.title not in SETTINGS:
                (self.folder / each.title).write_text(each.text)
        self.run("python manage.py makemigrations teams")
        self.run("python manage.py migrate")


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed_cable, redis_server):
    built = Teams(tmp_path_factory.mktemp("teams"), installed_cable, redis_server, tokens=False)
    with served(built, START) as found:
        yield found


@pytest.fixture(scope="module")
def cookie(project):
    with project.logged_in() as client:
        return f"sessionid={client.cookies['sessionid']}"


@pytest.fixture
def socket(project, cookie):
    with project.connect(Cookie=cookie) as socket:
        socket.subscribe()
        yield socket


@pytest.fixture
def cards(project):
    """A team of laura's, and three cards."""
    return project.type(
        "team = Team.objects.create(name='red'); Membership.objects.create(team=team, user_id=1);"
        "board = Board.objects.create(team=team);"
        "result = [Card.objects.create(board=board).pk for _ in range(3)]"
    )


def extended(project, cookie):
    url = f"ws://127.0.0.1:{project.port}/cable"
    return CableSocket(url, headers={"Cookie": cookie}, subprotocols=EXTENDED)


def expect(socket, *wanted):
    """Until all of these came."""
    missing = set(wanted)
    while missing:
        message = socket.message()
        missing.discard((message["action"], message["id"]))


def test_a_member_hears_of_the_rows_of_the_team(project, socket, cards):
    expect(socket, *(("create#cards", card) for card in cards))
    project.type(f"Card.objects.get(pk={cards[0]}).save()")
    expect(socket, ("update#cards", cards[0]))


def test_who_leaves_hears_that_the_rows_are_gone_and_no_more(project, socket, cards):
    expect(socket, *(("create#cards", card) for card in cards))
    project.type("team.memberships.all().delete()")
    expect(socket, *(("destroy#cards", card) for card in cards))
    project.type(f"Card.objects.get(pk={cards[0]}).save(); Book.objects.create(reader_id=1, title='Dune')")
    while (message := socket.message())["action"] != "create#books":
        assert message["id"] not in cards or message["action"] != "update#cards"


BACK = """
Book.objects.get(pk={book}).delete(); Card.objects.get(pk={card}).delete(); team.memberships.all().delete()
"""


def test_who_was_away_hears_of_what_was_lost_on_base(project, cookie, cards):
    book = project.type('result = Book.objects.create(reader_id=1, title="Dune").pk')
    with project.connect(Cookie=cookie) as socket:
        socket.subscribe()
        while '"ping"' not in (text := socket.text()):
            pass
    since = json.loads(text)["message"]
    project.type(BACK.format(book=book, card=cards[0]))
    identifier = json.dumps({"channel": "NotificationsChannel", "since": since})
    with project.connect(Cookie=cookie) as socket:
        socket.subscribe(identifier)
        expect(socket, ("destroy#books", book), *(("destroy#cards", card) for card in cards))


def test_who_was_away_hears_of_what_was_lost_on_the_extended_protocol(project, cookie, cards):
    with extended(project, cookie) as socket:
        socket.subscribe()
        book = project.type('result = Book.objects.create(reader_id=1, title="Dune").pk')
        while (frame := socket.frame())["message"] != {"action": "create#books", "id": book}:
            pass
    project.type(BACK.format(book=book, card=cards[0]))
    position = {name: frame[name] for name in ("stream_id", "epoch", "offset")}
    streams = {position["stream_id"]: {"epoch": position["epoch"], "offset": position["offset"]}}
    with extended(project, cookie) as socket:
        socket.subscribe(history={"streams": streams})
        expect(socket, ("destroy#books", book), *(("destroy#cards", card) for card in cards))


def test_a_bulk_change_that_says_so_is_told(project, socket):
    [typed] = [each for each in blocks(PAGE, "python") if not each.title]
    card = project.type(
        "board = Board.objects.create(team=Team.objects.create(name='red'));"
        "result = Card.objects.create(board=board).pk"
    )
    lines = [line for line in typed.text.splitlines() if line and not line.startswith("board =")]
    project.type("\n".join(lines))
    expect(socket, ("create#cards", card))


def test_a_rule_says_as_much_as_the_path(project, cards):
    found = project.type(
        "from teams.rules import CardRule; rows = Card.objects.filter(board=board);"
        "seen = CardRule().rows(rows, [1]).values_list('pk', flat=True);"
        "result = [sorted(CardRule().users(rows)), sorted(seen)]"
    )
    assert found == [[[card, 1] for card in cards], cards]


def test_what_the_page_shows_is_what_is_sent(project, socket):
    book = project.type('result = Book.objects.create(reader_id=1, title="Dune").pk')
    project.type(f"Book.objects.get(pk={book}).delete()")
    expect(socket, ("destroy#books", book))
    shown = json.dumps({"action": "destroy#books", "id": 42}, separators=(",", ":"))
    assert shown in (ROOT / PAGE).read_text()
    assert f'"message":{shown}'.replace("42", str(book)) in "".join(socket.texts)


def test_a_notification_has_the_further_keys_of_the_page(project, socket, cards):
    board = project.type("result = board.pk")
    project.type(f"Card.objects.get(pk={cards[0]}).save()")
    while (message := socket.message())["action"] != "update#cards":
        assert message["action"] == "create#cards"
    assert {**message, "updatedAt": 0} == {
        "action": "update#cards",
        "id": cards[0],
        "updatedAt": 0,
        "board": board,
        "public": False,
    }


def test_a_client_does_not_hear_of_what_it_changed_itself_and_the_others_do(project, cookie):
    [shown] = blocks(PAGE, "js")
    assert '"X-Cable-Client": client' in shown.text
    form = {"reader": "1", "title": "Dune", "shelf": "SF"}
    with project.logged_in() as page, project.connect(Cookie=cookie) as mine:
        mine.subscribe(json.dumps({"channel": "NotificationsChannel", "client": "page-7"}))
        with project.connect(Cookie=cookie) as other:
            other.subscribe()
            page.get("/admin/library/book/add/")
            answer = page.post(
                "/admin/library/book/add/", data=form | token_of(page), headers={"X-Cable-Client": "page-7"}
            )
            assert answer.status_code == 302, answer.text
            while (message := other.message())["action"] != "create#books":
                pass
        later = project.type('result = Book.objects.create(reader_id=1, title="Emma").pk')
        while (heard := mine.message()) != {"action": "create#books", "id": later}:
            assert heard["id"] != message["id"]


def test_who_is_nobody_hears_of_what_is_public_and_of_nothing_else(project, cards):
    with project.connect() as nobody:
        nobody.subscribe()
        project.type(f"card = Card.objects.get(pk={cards[0]}); card.is_public = True; card.save()")
        expect(nobody, ("create#cards", cards[0]))
        project.type(f"Card.objects.get(pk={cards[1]}).save(); card.save()")
        expect(nobody, ("update#cards", cards[0]))
        project.type("card.is_public = False; card.save()")
        expect(nobody, ("destroy#cards", cards[0]))
        assert not any(f'"id":{cards[1]}' in text for text in nobody.texts)


@pytest.mark.parametrize("subprotocols", [BASE, EXTENDED])
def test_who_is_nobody_and_was_away_hears_of_what_was_public(project, subprotocols):
    card = project.type(
        "board = Board.objects.create(); result = Card.objects.create(board=board, is_public=True).pk"
    )
    hidden = project.type("result = Card.objects.create(board=board).pk")
    project.type(f"Card.objects.get(pk={card}).delete()")
    url = f"ws://127.0.0.1:{project.port}/cable"
    since = int(time.time()) - 60
    with CableSocket(url, subprotocols=subprotocols) as nobody:
        if subprotocols == BASE:
            nobody.subscribe(json.dumps({"channel": "NotificationsChannel", "since": since}))
        else:
            nobody.subscribe(history={"since": since})
        expect(nobody, ("destroy#cards", card))
        assert not any(f'"id":{hidden}' in text for text in nobody.texts)
