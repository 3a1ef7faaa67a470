import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from lessy.accounts.models import User
from lessy.web import libraries
from lessy.web.finders import LibrariesFinder


@pytest.fixture
def installed(monkeypatch, tmp_path) -> Path:
    """As after npm install, with more in the folder than the page needs."""
    monkeypatch.setattr(libraries, "FOLDER", tmp_path)
    for module in (*libraries.MODULES.values(), "@anycable/core/hub/index.js", "secrets/index.js"):
        path = tmp_path / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("export {}")
    return tmp_path


def test_nothing_may_run_on_the_page_but_what_comes_from_here_and_its_import_map(client):
    response = client.get("/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = response.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", html) == [' type="importmap"']
    assert " style=" not in html
    assert not re.search(r"\son\w+=", html)


def test_the_import_map_names_every_library(client, installed):
    html = client.get("/").content.decode()
    [imports] = re.findall(r'<script type="importmap">(.*?)</script>', html)
    assert set(json.loads(imports)["imports"]) == {*libraries.MODULES, libraries.OWN}
    assert 'id="missing"' not in html


def test_missing_libraries_are_named_with_the_command_that_installs_them(client, installed):
    (installed / libraries.MODULES["nanoevents"]).unlink()
    html = client.get("/").content.decode()
    assert "npm has not installed nanoevents" in html
    assert libraries.INSTALL in html


def test_a_demo_login_is_offered_in_debug_once_it_is_there(client, settings, db):
    assert "demo-login" not in client.get("/").content.decode()
    settings.DEBUG = True
    assert "manage.py seed" in client.get("/").content.decode()
    User.objects.create_user("dalecooper", "dalecooper@example.com", "secret")
    assert "Log in as dalecooper" in client.get("/").content.decode()


def test_of_the_libraries_only_the_modules_are_served(installed):
    (installed / "nanoevents" / "package.json").write_text("{}")
    assert finders.find("web/libraries/@anycable/core/hub/index.js")
    for path in ("nanoevents/package.json", "secrets/index.js", "../package.json"):
        assert finders.find(f"web/libraries/{path}") is None


def test_our_own_client_is_served_without_npm(installed):
    for path in ("index.js", "tabs.js"):
        assert finders.find(f"web/sync-cable-client/{path}")
    for path in ("index.d.ts", "../package.json"):
        assert finders.find(f"web/sync-cable-client/{path}") is None
    listed = {f"{storage.prefix}/{name}" for name, storage in LibrariesFinder().list(None)}
    assert {"web/sync-cable-client/index.js", "web/libraries/nanoevents/index.js"} <= listed


def test_the_page_is_for_reading_only(client):
    assert client.post("/").status_code == 405
