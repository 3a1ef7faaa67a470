"""An installation from before the label was sync_cable goes on with what it has."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.support.site import ROOT

FORMER = """
DROP TABLE sync_cable_notice;
DELETE FROM auth_permission WHERE codename LIKE '%_notice';
DELETE FROM django_content_type WHERE model = 'notice';
ALTER TABLE sync_cable_epoch RENAME TO notifications_epoch;
UPDATE notifications_epoch SET value = 'as-it-was';
DELETE FROM django_migrations WHERE app = 'sync_cable';
INSERT INTO django_migrations (app, name, applied)
    VALUES ('notifications', '0001_initial', '2026-01-01'), ('notifications', '0002_cable', '2026-01-01');
UPDATE django_content_type SET app_label = 'notifications' WHERE app_label = 'sync_cable';
"""
PERMISSION = """
SELECT type.app_label FROM auth_permission JOIN django_content_type AS type ON type.id = content_type_id
WHERE codename = 'view_cable'
"""


@pytest.fixture
def migrated(tmp_path):
    """The database of Lessy, and a function that migrates it."""
    path = tmp_path / "lessy.sqlite3"
    settings = {"DJANGO_SETTINGS_MODULE": "lessy.settings", "DJANGO_DEBUG": "on"}
    env = {**os.environ, **settings, "DATABASE_URL": f"sqlite:///{path}"}

    def migrate():
        command = [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, env=env, cwd=ROOT, check=True)

    migrate()
    with closing(sqlite3.connect(path)) as database:
        yield database, migrate


def test_what_the_former_label_stored_is_taken_over(migrated):
    database, migrate = migrated
    database.executescript(FORMER)
    migrate()
    assert database.execute("SELECT value FROM sync_cable_epoch").fetchall() == [("as-it-was",)]
    assert database.execute(PERMISSION).fetchall() == [("sync_cable",)]
    left = "SELECT count(*) FROM django_migrations WHERE app = 'notifications'"
    assert database.execute(left).fetchone() == (0,)
    tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'notifications_epoch'")
    assert tables.fetchall() == []


def test_a_table_of_another_app_of_that_name_is_left_alone(migrated):
    database, migrate = migrated
    database.executescript(
        """
        CREATE TABLE notifications_epoch (id integer, title text);
        INSERT INTO notifications_epoch VALUES (1, 'theirs');
        INSERT INTO django_migrations (app, name, applied)
            VALUES ('notifications', '0001_initial', '2026-01-01');
        DROP TABLE sync_cable_notice;
        DELETE FROM django_migrations WHERE app = 'sync_cable' AND name >= '0003';
        """
    )
    migrate()
    assert database.execute("SELECT title FROM notifications_epoch").fetchall() == [("theirs",)]
    assert database.execute("SELECT name FROM django_migrations WHERE app = 'notifications'").fetchall() == [
        ("0001_initial",)
    ]
