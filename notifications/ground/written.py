"""
Reads rows from the database that they are written to. A router may send reads to a replica, and a change that
the replica has not yet received would be missed by a reader that does not read it again
(docs/decisions/0015).
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
    """
    For code that is not ours, such as an authenticator: it reads from a replica only if it names the replica.
    """
    _install()
    token = _here.set(True)
    try:
        yield
    finally:
        _here.reset(token)


class _Router:
    """Comes before the project's routers. Decides nothing outside of reading_where_written()."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return str(router.db_for_write(model, **hints)) if _here.get() else None


def _install() -> None:
    """Checked each time: a test that changes DATABASE_ROUTERS makes Django build the list again."""
    if not any(isinstance(each, _Router) for each in router.routers):
        router.routers.insert(0, _Router())
