"""docs/plugging-in.md, as a reader follows it: a project of its blocks alone, served, and listened to."""

import json
import re

import pytest

from tests.docs.consoles import Console
from tests.docs.newcomer import AT_THE_END_OF, PAGE, PASSWORD, Project, served, token_of, until_disconnected
from tests.docs.pages import block, blocks

REMOTE = {"type": "disconnect", "reason": "remote", "reconnect": False}
UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}

# Those that name no file are typed into a shell.
TYPED = [each for each in blocks(PAGE, "python") if not each.title]


def built(folder, installed, redis, *, tokens):
    with served(Project(folder, installed, redis, tokens=tokens)) as project:
        yield project


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed_cable, redis_server):
    yield from built(tmp_path_factory.mktemp("sessions"), installed_cable, redis_server, tokens=False)


@pytest.fixture(scope="module")
def project_with_tokens(tmp_path_factory, installed_cable, redis_server):
    yield from built(tmp_path_factory.mktemp("tokens"), installed_cable, redis_server, tokens=True)


@pytest.fixture
def laura(project):
    with project.logged_in() as client:
        yield client


@pytest.fixture
def socket(project, laura):
    """Of hers, subscribed."""
    with project.connect(Cookie=f"sessionid={laura.cookies['sessionid']}") as socket:
        socket.subscribe()
        yield socket


def new_book(project):
    return project.type('result = Book.objects.create(reader_id=1, title="Dune").pk; publisher.flush(5)')


def heard(socket, action, pk):
    """Until this is announced; what is known already may be announced again."""
    while (message := socket.message())["action"] != action or message["id"] != pk:
        assert message["action"] == "update#books"
        assert message["id"] <= pk
    return message


def test_whoever_is_logged_in_hears_until_they_log_out(project, laura, socket):
    book = new_book(project)
    heard(socket, "create#books", book)
    at = project.type(
        f"book = Book.objects.get(pk={book}); book.save(); result = int(book.changed_at.timestamp())"
    )
    while heard(socket, "update#books", book)["updatedAt"] < at:
        pass
    assert laura.post("/admin/logout/", data=token_of(laura)).status_code == 200
    assert until_disconnected(socket) == REMOTE


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_whoever_has_a_token_hears_until_it_is_deleted(project_with_tokens, header):
    project = project_with_tokens
    said = project.run("python manage.py drf_create_token laura")
    key = said.split()[2]
    value = {"Authorization": f"Token {key}", "Cookie": f"cable_token={key}"}[header]
    with project.connect(**{header: value}) as socket:
        socket.subscribe()
        book = new_book(project)
        heard(socket, "create#books", book)
        project.type("from rest_framework.authtoken.models import Token; Token.objects.get().delete()")
        assert until_disconnected(socket) == REMOTE
    with project.connect(**{header: value}, welcomed=False) as socket:
        assert socket.frame() == UNAUTHORIZED


def test_a_page_that_has_a_token_connects_by_its_cookie(project_with_tokens, browser):
    project = project_with_tokens
    key = project.run("python manage.py drf_create_token laura").split()[2]
    page = browser.new_page()
    console = Console(page)
    page.goto(f"{project.url}/admin/")
    page.evaluate(f"token => {{ {block(PAGE, 'js', 'in a page that has the token').text} }}", key)
    page.evaluate(f"() => {{ {block(PAGE, 'js', 'console').text} }}")
    console.wait_for(lambda: any("confirm_subscription" in text for text in console.said))


def test_e10_a_page_on_another_site_offers_its_token(project_with_tokens, browser):
    project = project_with_tokens
    key = project.run("python manage.py drf_create_token laura").split()[2]
    [origin] = re.findall(r'"(https://[^"]*)"', block(PAGE, "python", "SUBPROTOCOL_TOKEN").text)
    page = browser.new_page_of(origin)
    page.goto(f"{origin}/")
    text = block(PAGE, "js", "in a page on another site").text
    text = text.replace("wss://example.com", project.url.replace("http", "ws"))
    heard = page.evaluate(
        f"token => new Promise((done) => {{ {text}; socket.onclose = done;"
        " socket.onmessage = ({ data }) => done(data) })",
        key,
    )
    assert json.loads(heard) == {"type": "welcome"}


def test_the_console_of_a_browser_shows_what_the_page_says(project, browser):
    page = browser.new_page()
    console = Console(page)
    page.goto(f"{project.url}/admin/")
    page.fill("#id_username", "laura")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    page.evaluate(f"() => {{ {block(PAGE, 'js', 'console').text} }}")
    console.wait_for(lambda: any("confirm_subscription" in text for text in console.said))
    book = new_book(project)
    wanted = json.loads(block(PAGE, "json").text)
    wanted["message"]["id"] = book
    console.wait_for(lambda: wanted in console.objects())


@pytest.mark.parametrize("typed", TYPED, ids=str)
def test_what_is_typed_does_what_the_page_says(project, socket, typed):
    OUTCOMES[typed.section](project, socket, typed.text)


def creates(project, socket, text):
    book = project.type(text + "result = book.pk")
    heard(socket, "create#books", book)


def announces(project, socket, text):
    book = new_book(project)
    heard(socket, "create#books", book)
    at = project.type(text + f"result = int(Book.objects.get(pk={book}, shelf='SF').changed_at.timestamp())")
    while heard(socket, "update#books", book)["updatedAt"] < at:
        pass


def disconnects(project, socket, text):
    project.type(text)
    assert until_disconnected(socket) == REMOTE


def flushes(project, socket, text):
    book = project.type('book = Book.objects.create(reader_id=1, title="Dune"); result = book.pk')
    assert project.type(text + "result = published") is True
    heard(socket, "create#books", book)


OUTCOMES = {
    "From an empty folder": creates,
    "Bulk changes": announces,
    "Disconnect a user": disconnects,
    "Workers, commands and scripts": flushes,
}


def test_its_tests_pass(project):
    assert "Ran 2 tests" in project.run("python manage.py test library")


def test_the_project_passes_the_checks_and_has_all_its_migrations(project, project_with_tokens):
    for each in (project, project_with_tokens):
        assert "no issues" in each.run("python manage.py check")
        assert "No changes" in each.run("python manage.py makemigrations --check --dry-run")


@pytest.mark.parametrize("title", ["at the end of mysite/settings.py", "at the end of mysite/asgi.py"])
def test_the_readme_says_the_same(title):
    """But for the app that only the page makes."""
    readme = block("README.md", "python", f"# {title}\n").text.partition("\n")[2]
    [page] = [each.text for each in blocks(PAGE, "python") if each.title == title]
    assert readme == page.replace(', "library"]', "]")


def test_17_a_project_needs_at_most_15_lines_for_a_model_that_it_has():
    """Until its first notification; the project above is built of these very blocks."""
    found = [each for each in blocks(PAGE, "python") if each.section == "From an empty folder" and each.title]
    titles = {each.title.removeprefix(AT_THE_END_OF) for each in found}
    assert titles == {"library/models.py", "mysite/settings.py", "mysite/asgi.py"}
    lines = [line for each in found[1:] for line in each.text.splitlines()]
    added = [line for line in lines if line and not line.startswith("#")]
    assert len(added) <= 15


def test_the_commands_of_the_page_of_clients_describe_the_project(project):
    """docs/clients.md."""
    lines = block("docs/clients.md", "sh").text.splitlines()
    for line in lines:
        project.run(line)
        project.run(line.replace("--output", "--check"))
    assert '"update#books"; id: number; updatedAt' in (project.folder / "cable.ts").read_text()
    document = json.loads((project.folder / "cable.json").read_text())
    assert document["info"]["title"] == "The library's cable"
    assert list(document["components"]["securitySchemes"]) == ["session"]
    (project.folder / "cable.ts").write_text("")
    with pytest.raises(AssertionError, match="is not what settings"):
        project.run(lines[0].replace("--output", "--check"))
