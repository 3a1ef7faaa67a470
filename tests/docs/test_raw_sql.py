"""docs/raw-sql.md: what cable_triggers writes is a migration, and depends on the tables that it is on."""

import runpy

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from notifications.operations.triggers import triggers
from tests.docs.pages import block


@pytest.fixture
def library(tmp_path, monkeypatch):
    """An app of the project, in a folder of its own."""
    monkeypatch.setattr(apps.get_app_config("teams"), "path", str(tmp_path))
    (tmp_path / "migrations").mkdir()
    return tmp_path / "migrations"


def test_the_migration_is_written_and_depends_on_the_tables(library, capsys):
    words = block("docs/raw-sql.md", "sh").text.splitlines()[0].split()
    call_command(*words[2:-1], "teams")
    [path] = library.glob("*_cable_triggers.py")
    written = runpy.run_path(str(path))
    assert written["INSTALL"].strip() == triggers().install.strip()
    assert written["REMOVE"].strip() == triggers().remove.strip()
    assert {app for app, _ in written["Migration"].dependencies} == {"projects", "tasks", "teams"}
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nope"], "nope"), (["auth", "--remove"], "--remove"), (["messages"], "no migrations")],
)
def test_an_app_that_cannot_have_it_is_named(words, said):
    with pytest.raises(CommandError, match=said):
        call_command("cable_triggers", "--migration", *words)
