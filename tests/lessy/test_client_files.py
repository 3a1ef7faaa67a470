"""A client built elsewhere: its page on every path that is not the server's, its files, and the admin's."""

import http.client
import os
import subprocess

import httpx
import pytest

from tests.support.site import MANAGE, ROOT, new_site

ASSETS = [
    "static/js/app.3f2a9c1b0d4e5f6a7b8c.js",
    "static/js/app.3f2a9c1b.js.map",
    "static/assets/index-BxYz12Ab.js",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "client"
    for name in ("index.html", "favicon.ico", "static/logo.png", *ASSETS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"this is {name}")
    (folder.parent / "secret.txt").write_text("not for clients")
    for name in (
        ".env",
        ".git/config",
        "static/.secret.js",
        "static/.cache/app.js",
        ".well-known/assetlinks.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("meant to be read" if "well-known" in name else "not for clients")
    for name in ("out.txt", "static/out.txt", "static/js/app.3f2a9c1b0d4e5f6a7b8c.js.gz"):
        (folder / name).symlink_to(folder.parent / "secret.txt")
    for name in ("up", "static/up"):
        (folder / name).symlink_to(folder.parent)
    (folder / "logo.png").symlink_to(folder / "static" / "logo.png")
    (folder / "static" / "again").symlink_to(folder)
    return folder


@pytest.fixture(scope="module")
def served(redis_server, built):
    with new_site(redis_server, LESSY_CLIENT_DIR=str(built)) as site:
        yield site.servers[0]


def get(server, path, **headers):
    return httpx.get(f"{server.url}{path}", headers=headers)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/today", "/projects/my-project", "/users/abc-_DEF/activate", "/password/abc/new"),
        *("/apiary", "/administration", "/today/", "/a.b", "/%00", "/%FF", "/x?page=1"),
    ],
)
def test_every_path_of_the_client_is_its_page(served, path):
    answer = get(served, path)
    assert (answer.status_code, answer.text) == (200, "this is index.html")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_client_has_no_policy_of_ours(served):
    for path in ("/", "/today", f"/{ASSETS[0]}"):
        assert "content-security-policy" not in get(served, path).headers


@pytest.mark.parametrize(
    "path", ["/static/js/none.js", "/admin/none/", "/cable", "/health/none", "/docs/none", "/static"]
)
def test_what_the_server_does_not_have_is_not_the_clients_page(served, path):
    answer = get(served, path)
    assert answer.status_code in (302, 404)
    assert "index.html" not in answer.text


def test_the_api_stays_the_api(served):
    assert get(served, "/api").json() == {"registrationDisabled": False}
    assert get(served, "/api/none").json()["errors"][0]["code"] == "missing_endpoint"


@pytest.mark.parametrize("path", ASSETS)
def test_files_named_by_their_content_are_kept_for_ever(served, path):
    answer = get(served, f"/{path}")
    assert answer.text == f"this is {path}"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "max-age=315360000" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    ["/static/logo.png", "/favicon.ico", "/static/admin/css/base.css", "/static/admin/img/icon-calendar.svg"],
)
def test_other_files_are_served_and_asked_for_again(served, path):
    answer = get(served, path)
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", f"/{ASSETS[0]}", "/static/admin/css/base.css"])
def test_what_a_browser_has_is_not_sent_again(served, path):
    first = get(served, path)
    for condition in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = get(served, path, **condition)
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/../secret.txt",
            "/static/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/static/%2e%2e/%2e%2e/secret.txt",
        ),
        *("/..%2fsecret.txt", "/static/..%2f..%2fsecret.txt", "/static//etc/passwd", "/static/%2fetc/passwd"),
        *("/static/..%5c..%5csecret.txt", "//etc/passwd"),
    ],
)
def test_no_path_leads_out_of_the_folder(served, path):
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", path)  # as it is: other clients would tidy it up
    body = connection.getresponse().read()
    connection.close()
    assert b"not for clients" not in body
    assert b"root:" not in body


HIDDEN = [
    *("/.env", "/.git/config", "/static/.secret.js", "/static/.cache/app.js"),
    *(
        "/out.txt",
        "/static/out.txt",
        "/up/secret.txt",
        "/static/up/secret.txt",
        "/static/again/up/secret.txt",
    ),
    *("/static/again/.env", f"/{ASSETS[0]}.gz"),
]


@pytest.mark.parametrize("path", HIDDEN)
def test_c8_hidden_files_and_links_that_lead_out_are_not_served(served, path):
    assert "not for clients" not in get(served, path, **{"Accept-Encoding": "identity"}).text
    assert "not for clients" not in get(served, path.removesuffix(".gz")).text


def test_c8_what_is_meant_to_be_read_is_served(served):
    assert get(served, "/.well-known/assetlinks.json").text == "meant to be read"
    assert get(served, "/logo.png").text == "this is static/logo.png"


def test_c8_the_page_has_the_same_headers_on_each_of_its_paths(served):
    [one, other] = [dict(get(served, path).headers) for path in ("/", "/index.html")]
    assert one == other | {"date": one.get("date")} if "date" in one else one == other


def test_c8_a_page_that_is_a_link_out_of_the_folder_stops_the_boot(tmp_path):
    (tmp_path / "client").mkdir()
    (tmp_path / "secret.html").touch()
    (tmp_path / "client" / "index.html").symlink_to(tmp_path / "secret.html")
    env = os.environ | {"DJANGO_DEBUG": "on", "LESSY_CLIENT_DIR": str(tmp_path / "client")}
    done = subprocess.run([*MANAGE, "check"], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "LESSY_CLIENT_DIR" in done.stderr) == (1, True)


def test_a_page_is_read_only(served):
    assert httpx.head(f"{served.url}/today").status_code == 200
    assert httpx.post(f"{served.url}/today").status_code in (403, 405)


def test_a_folder_without_a_page_stops_the_boot(tmp_path):
    env = os.environ | {"DJANGO_DEBUG": "on", "LESSY_CLIENT_DIR": str(tmp_path)}
    done = subprocess.run([*MANAGE, "check"], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "LESSY_CLIENT_DIR" in done.stderr
    assert "index.html" in done.stderr


def test_runserver_serves_it_too(built):
    with new_site(None, servers=0, LESSY_CLIENT_DIR=str(built)) as site:
        server = site.serve(["runserver", "--noreload", "{port}"])
        assert get(server, "/today").text == "this is index.html"
        for path in (f"/{ASSETS[0]}", "/static/admin/css/base.css", "/favicon.ico"):
            assert get(server, path).status_code == 200
        for path in HIDDEN:
            assert "not for clients" not in get(server, path).text
        assert get(server, "/index.html").headers["Cache-Control"] == "no-cache"
