"""The pages of docs/events.md for htmx, with the real ones of npm in a real Chromium, and a real server."""

import itertools

import pytest

from tests.clients.javascript import MODULES
from tests.docs.consoles import Console
from tests.docs.newcomer import served
from tests.docs.pages import block
from tests.docs.proxies import start_nginx
from tests.docs.test_state import START, State
from tests.support.processes import free_port
from tests.support.required import missing

PAGE = "docs/events.md"
SCRIPTS = {
    "htmx 2": ["htmx.org/dist/htmx.js", "htmx-ext-sse/sse.js"],
    "htmx 4": ["htmx.org-4/dist/htmx.js", "htmx.org-4/dist/ext/hx-sse.js"],
}
POSITION = "{{ request.cable.position }}"
# What either version tells of each event of the stream.
TOLD = """
<script>
  const told = []
  const note = ({ detail }) => told.push(JSON.parse((detail.message ?? detail).data))
  document.addEventListener("htmx:sseMessage", note)
  document.addEventListener("htmx:sse:after:message", note)
</script>
"""
VIEWS = """
from django.http import HttpResponse
from django.template import engines

PAGES = {pages!r}


def page(request, version):
    text = PAGES[version].replace({position!r}, request.GET.get("position", {position!r}))
    return HttpResponse(engines["django"].from_string(text).render({{}}, request))


def titles(request):
    books = Book.objects.filter(reader=request.user)
    return HttpResponse("".join(f"<li>{{book.title}}</li>" for book in books))


urlpatterns += [path("pages/<version>", page), path("books", titles)]
"""
# In front of the server. answer: what it does with each request.
FRONT = """
server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_set_header Host $http_host;
    location / {{ {answer} }}
}}
"""
# How a page is cut off: each request is refused by a status, or by the kernel.
CUTS = {"refused": "return 502;", "unreachable": None}
titles = (f"book {number}" for number in itertools.count())


def page_of(version):
    scripts = "".join(f'<script src="/npm/{script}"></script>' for script in SCRIPTS[version])
    html = block(PAGE, "html", version).text
    assert POSITION in html
    return f"<!doctype html><html><head>{scripts}</head><body>{TOLD}{html}</body></html>"


class Library(State):
    """With a page for each version, and the list that it loads."""

    def _build(self, chapters):
        super()._build(chapters)
        file = self.folder / "mysite/urls.py"
        imported = "from library.models import Book\n"
        pages = {version: page_of(version) for version in SCRIPTS}
        file.write_text(imported + file.read_text() + VIEWS.format(pages=pages, position=POSITION))


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed_cable, redis_server):
    built = Library(tmp_path_factory.mktemp("htmx"), installed_cable, redis_server, tokens=False)
    with served(built, START) as found:
        yield found


class Front:
    """A proxy of its own port, whatever stands behind it."""

    def __init__(self, folder, server):
        self.port = free_port()
        self._folder = folder
        self._through = f"proxy_pass http://127.0.0.1:{server};"
        self._child = None
        self.open()

    def open(self):
        self._start(self._through)

    def cut(self, answer):
        """answer: None: nobody listens."""
        self.stop()
        if answer:
            self._start(answer)

    def _start(self, answer):
        self.stop()
        self._child = start_nginx(self._folder, FRONT.format(port=self.port, answer=answer))
        self._child.wait_until_it_answers(self.port)

    def stop(self):
        if self._child is not None:
            self._child.stop()
        self._child = None


@pytest.fixture
def front(project, tmp_path):
    found = Front(tmp_path, project.port)
    yield found
    found.stop()


class Shown(Console):
    """The page of a version, which laura has opened and whose stream has begun."""

    def __init__(self, browser, project, version, port, query=""):
        self._project = project
        super().__init__(browser.new_page())
        url = f"http://127.0.0.1:{port}"
        with project.logged_in() as laura:
            session = laura.cookies["sessionid"]
        self.page.context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        self.page.route("**/npm/**", self._serve)
        with self.page.expect_request("**/cable/events**"):
            self.page.goto(f"{url}/pages/{version}{query}")

    def _serve(self, route):
        path = MODULES / route.request.url.partition("/npm/")[2]
        if not path.exists():
            missing(f"{path.name} (with make setup)")
        route.fulfill(path=path, content_type="text/javascript")

    def new_book(self):
        """Its id, and the title under which it will be in the list."""
        title = next(titles)
        made = self._project.type(f'result = Book.objects.create(reader_id=1, title="{title}").pk')
        return made, title

    def wait_to_show(self, title):
        self.page.get_by_role("listitem").filter(has_text=title).wait_for(timeout=20_000)

    def wait_to_be_told(self, book):
        self.page.wait_for_function(
            "(id) => told.some((each) => each.action === 'create#books' && each.id === id)",
            arg=book,
            timeout=20_000,
        )


@pytest.fixture(params=SCRIPTS)
def version(request):
    return request.param


def test_a_page_shows_what_changes_the_last_of_many_as_well(project, browser, version):
    shown = Shown(browser, project, version, project.port)
    for _ in range(5):
        book, title = shown.new_book()
        # The next one comes while the list is being loaded, or right after.
        shown.wait_to_be_told(book)
    shown.wait_to_show(title)
    assert browser.errors == []


@pytest.mark.parametrize("cut", CUTS)
def test_a_page_that_was_cut_off_is_told_what_it_missed(project, browser, version, front, cut):
    shown = Shown(browser, project, version, front.port)
    book, _ = shown.new_book()
    shown.wait_to_be_told(book)
    front.cut(CUTS[cut])
    # The page has tried in vain.
    browser.wait_for_error(shown.page, "502" if cut == "refused" else "ERR_CONNECTION_REFUSED")
    missed = [shown.new_book() for _ in range(3)]
    front.open()
    for book, title in missed:
        shown.wait_to_be_told(book)
        shown.wait_to_show(title)


def test_a_page_loads_its_list_when_it_is_told_to(project, browser, version):
    shown = Shown(browser, project, version, project.port, "?position=of-no-use")
    shown.page.wait_for_function("told.some((each) => each.reason === 'position')")
    book, title = shown.new_book()
    shown.wait_to_show(title)
    shown.wait_to_be_told(book)


def test_a_page_that_is_signed_out_tries_again_and_is_refused(project, browser, version):
    shown = Shown(browser, project, version, project.port)
    book, _ = shown.new_book()
    shown.wait_to_be_told(book)
    refused = []
    shown.page.on("response", lambda response: response.status == 401 and refused.append(response.url))
    project.type("from django.contrib.sessions.models import Session; Session.objects.all().delete()")
    project.run("python manage.py cable_disconnect --user laura")
    # Ever more slowly, so that a third one may take a minute.
    shown.wait_for(lambda: len([url for url in refused if "/cable/events" in url]) >= 2, 60)
