"""
The condition "one of these values", on PostgreSQL and SQLite with one parameter, however many values there
are: an IN with a parameter for each is refused by SQLite beyond some thousands, and parsed anew for each
number of them.
"""

import json
from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Lookup
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

Compiled = tuple[str, tuple[Any, ...]]


class Among(Lookup):
    """
    A condition for filter(): Among(F("user_id"), [1, 2, 3]).

    A Lookup, and no other expression: where the database has no type for booleans (MySQL, SQLite from Django
    6.1 on) Django would compare any other expression to True, for which no index is used.
    """

    prepare_rhs = False

    def __init__(self, column: Combinable, values: Collection[Any]) -> None:
        super().__init__(column, values)

    def _prepared(self, connection: BaseDatabaseWrapper) -> list[Any]:
        field: Field[Any, Any] = self.lhs.output_field
        return [field.get_db_prep_value(field.to_python(value), connection) for value in self.rhs]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.lhs)
        values = self._prepared(connection)
        marks = ", ".join(["%s"] * len(values)) or "NULL"
        return f"{column} IN ({marks})", (*params, *values)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.lhs)
        return f"{column} = ANY(%s)", (*params, self._prepared(connection))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.lhs)
        values = json.dumps(self._prepared(connection), default=str)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, values)  # noqa: S608 no input in it
