from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.loader import MigrationLoader

from ...operations.triggers import Triggers, triggers

MIGRATION = '''"""
Triggers by which PostgreSQL tells the cable of what is written past Django. Made by manage.py cable_triggers:
write another one when CABLE["RESOURCES"] has changed. On other databases it does nothing.
"""

from django.db import migrations

INSTALL = """
{install}"""

REMOVE = """
{remove}"""


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INSTALL, params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(REMOVE, params=None)


class Migration(migrations.Migration):
    dependencies = {dependencies!r}
    operations = [migrations.RunPython(install, remove)]
'''


class Command(BaseCommand):
    help = "Prints the SQL of triggers that tell of what is written past Django; or writes it as a migration."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--migration", metavar="APP", help="write a migration of this app, do not print")
        parser.add_argument("--remove", action="store_true", help="print the SQL that removes them")

    def handle(self, *, migration: str | None, remove: bool, **options: Any) -> None:
        if migration is not None and remove:
            raise CommandError("--remove: a migration is undone by migrating to the one before it")
        if migration is None and connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
            raise CommandError("the default database is no PostgreSQL, and other databases have no NOTIFY")
        try:
            found = triggers()
        except ImproperlyConfigured as exc:
            raise CommandError(str(exc)) from exc
        if migration is None:
            self.stdout.write(found.remove if remove else found.install)
        else:
            self.stdout.write(f"wrote {_write(migration, found)}")


def _write(label: str, found: Triggers) -> Path:
    try:
        app = apps.get_app_config(label)
    except LookupError as exc:
        raise CommandError(str(exc)) from exc
    folder = Path(app.path) / "migrations"
    if not folder.is_dir():
        raise CommandError(f"{label} has no migrations: name an app of your own that has")
    loader = MigrationLoader(None)
    concerned = {label, *(name.partition(".")[0] for name in found.models)}
    leaves = sorted(leaf for each in concerned for leaf in loader.graph.leaf_nodes(each))
    path = folder / f"{_next_number(loader, label):04d}_cable_triggers.py"
    path.write_text(MIGRATION.format(install=found.install, remove=found.remove, dependencies=leaves))
    return path


def _next_number(loader: MigrationLoader, label: str) -> int:
    names = [name for app, name in loader.disk_migrations if app == label]
    return 1 + max((int(name[:4]) for name in names if name[:4].isdecimal()), default=0)
