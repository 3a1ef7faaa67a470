"""
"One of these values", as one parameter however many there are: an IN with a parameter for each is refused by
SQLite beyond some thousands, and parsed anew for each number of them.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Field
from django.db.models.expressions import Combinable, Expression
from django.db.models.sql.compiler import SQLCompiler

Compiled = tuple[str, tuple[Any, ...]]


class Among(Expression):
    """A condition for filter(): Among(F("user_id"), [1, 2, 3])."""

    conditional = True

    def __init__(self, column: Combinable, values: Collection[Any]) -> None:
        super().__init__(output_field=BooleanField())
        self.column = column
        self.values = values

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        [self.column] = exprs

    def _prepared(self, connection: BaseDatabaseWrapper) -> list[Any]:
        field: Field[Any, Any] = self.column.output_field  # type: ignore[attr-defined]
        return [field.get_db_prep_value(field.to_python(value), connection) for value in self.values]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.column)  # type: ignore[arg-type]
        values = self._prepared(connection)
        marks = ", ".join(["%s"] * len(values)) or "NULL"
        return f"{column} IN ({marks})", (*params, *values)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.column)  # type: ignore[arg-type]
        return f"{column} = ANY(%s)", (*params, self._prepared(connection))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Compiled:
        column, params = compiler.compile(self.column)  # type: ignore[arg-type]
        values = json.dumps(self._prepared(connection), default=str)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, values)  # noqa: S608 no input in it
