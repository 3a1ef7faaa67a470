"""
Triggers by which PostgreSQL reports writes that bypass Django: raw SQL, another program, bulk paths.

For each table of a resource:
    before each UPDATE that leaves the update time as it was, the time is moved   (the tables are the history)
    after each statement that writes, the hubs are woken by NOTIFY                (hub/wakes.py)
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections

from ..changes.resources import Resource, resources
from ..hub.wakes import CHANNEL

WAKE = f"""
CREATE OR REPLACE FUNCTION sync_cable_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{CHANNEL}', '');
    RETURN NULL;
END $$;
"""
# The next whole second, or later: clients compare whole seconds. In the time zone of Django's connections: a
# timestamp without time zone is read in that one, and the session that writes may have another.
STAMP = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET TimeZone TO {zone} AS $$
BEGIN
    NEW.{column} := greatest(clock_timestamp(), date_trunc('second', OLD.{column}) + interval '1 second');
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER {name} BEFORE UPDATE ON {table}
    FOR EACH ROW WHEN (NEW.{column} IS NOT DISTINCT FROM OLD.{column}) EXECUTE FUNCTION {name}();
"""
ON_WRITE = """
CREATE OR REPLACE TRIGGER sync_cable_wake AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION sync_cable_wake();
"""


class Triggers(NamedTuple):
    """install, remove: SQL, several statements. models: labels of the models whose tables have them."""

    install: str
    remove: str
    models: tuple[str, ...]


class Stamped(NamedTuple):
    table: str
    column: str

    @property
    def name(self) -> str:
        """The name of the function and of the trigger: PostgreSQL cuts names at 63 bytes."""
        return f"sync_cable_stamp_{sha256(f'{self.table}.{self.column}'.encode()).hexdigest()[:12]}"


def triggers() -> Triggers:
    """For all resources in the default database, which is the one that the hubs listen to."""
    connection = connections[DEFAULT_DB_ALIAS]
    quote, zone = connection.ops.quote_name, _literal(connection.timezone_name)
    found = [each for each in resources().values() if each.written_in() == DEFAULT_DB_ALIAS]
    stamped = sorted({each for resource in found for each in _stamped(resource)})
    tables = sorted({table for resource in found for table in _tables(resource)})
    install, remove = [WAKE], []
    for each in stamped:
        words = {"name": each.name, "column": quote(each.column), "table": quote(each.table), "zone": zone}
        install.append(STAMP.format(**words))
        remove.append(f"DROP FUNCTION IF EXISTS {each.name}() CASCADE;\n")
    install += [ON_WRITE.format(table=quote(table)) for table in tables]
    remove.append("DROP FUNCTION IF EXISTS sync_cable_wake() CASCADE;\n")
    labels = sorted({each.model._meta.label for each in found})
    return Triggers("".join(install).lstrip(), "".join(remove), tuple(labels))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _stamped(resource: Resource) -> Iterator[Stamped]:
    """A column that a model inherits is in the table of its parent."""
    if resource.updated_at:
        field = resource.field(resource.updated_at)
        yield Stamped(field.model._meta.db_table, field.column or "")


def _tables(resource: Resource) -> Iterator[str]:
    yield resource.model._meta.db_table
    yield from (each.table for each in _stamped(resource))
