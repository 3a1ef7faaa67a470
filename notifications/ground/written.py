"""
Rows are read from the database that they are written to. A router may send reads to a replica, and what a
replica has not yet received is lost to a reader that never comes back to it (docs/decisions/0015).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import router
from django.db.models import Model

_here: ContextVar[bool] = ContextVar("cable_reads_where_written", default=False)


def written_in(model: type[Model]) -> str:
    """The alias of the database that rows of the model are written to."""
    return str(router.db_for_write(model))


@contextmanager
def reading_where_written() -> Iterator[None]:
    """Around code that is not ours, such as an authenticator: it reads no replica that it does not name."""
    _install()
    token = _here.set(True)
    try:
        yield
    finally:
        _here.reset(token)


class _Router:
    """Before the project's routers. It has no opinion outside of reading_where_written()."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return str(router.db_for_write(model, **hints)) if _here.get() else None


def _install() -> None:
    """Whenever it is needed: a test that changes DATABASE_ROUTERS has Django make the list anew."""
    if not any(isinstance(each, _Router) for each in router.routers):
        router.routers.insert(0, _Router())
