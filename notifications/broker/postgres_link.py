"""
One connection to PostgreSQL on the running loop: runs one statement at a time, and receives notifications.

psycopg opens the connection; after that libpq is used directly. psycopg's own `notifies()` occupies the
connection while it waits, so that the canary would need another one. And a cancelled statement of psycopg
waits five seconds for a server that does not answer, where our deadlines are shorter.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from ..conf import cable_settings
from ..ground.libpq import DEADLINES
from ..ground.sockets import shut_down

Rows = list[tuple[str, ...]]

# Those of Django's parameters that are psycopg's, and not libpq's.
_OF_PSYCOPG = {"context", "cursor_factory", "prepare_threshold", "row_factory", "autocommit"}


class PostgresAway(ConnectionError):
    """PostgreSQL could not be reached, or ended the connection."""


def parameters() -> dict[str, Any]:
    """
    libpq's parameters for a connection of the broker. Raises ImproperlyConfigured if neither
    CABLE["BROKER_URL"] nor the default database names a PostgreSQL.
    """
    url = cable_settings().broker_url
    found = _read(url) if url else _of_default_database()
    # The canary detects a dead server earlier; these deadlines end connections that nothing waits for any
    # more.
    return {**DEADLINES, "application_name": "cable", "client_encoding": "UTF8", **found}


def _read(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # psycopg's message may contain the password.
        raise ImproperlyConfigured(
            "settings.CABLE['BROKER_URL'] cannot be read: expected postgresql://user:password@host:5432/name"
        ) from None


def _of_default_database() -> dict[str, Any]:
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        raise ImproperlyConfigured(
            "settings.CABLE has BROKER 'postgresql' or TRIGGERS: neither the default database nor BROKER_URL "
            "is a PostgreSQL"
        )
    # Called for each connection, as Django does: a backend may fetch a password that is valid for minutes.
    found = connection.get_connection_params()
    return {name: value for name, value in found.items() if name not in _OF_PSYCOPG}


class PostgresLink:
    """
    on_notify: called, on the loop, with the sender's process id and the payload of each notification; it must
    not raise. on_lost: called once with the failure when an open connection ends by itself.
    """

    def __init__(
        self, on_notify: Callable[[int, str], None], on_lost: Callable[[PostgresAway], None]
    ) -> None:
        self._on_notify = on_notify
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._socket = -1
        self._answer: asyncio.Future[Rows] | None = None
        self._rows: Rows = []
        self._refusal: psycopg.Error | None = None

    async def open(self) -> None:
        """Raises PostgresAway, and ImproperlyConfigured."""
        found = parameters()
        try:
            self._connection = await psycopg.AsyncConnection.connect(**found, autocommit=True)
        except psycopg.OperationalError as exc:
            raise PostgresAway(str(exc)) from exc
        self._socket = self._connection.pgconn.socket
        self._loop.add_reader(self._socket, self._read)

    @property
    def backend_pid(self) -> int:
        """The process id that the server, or a pooler in front of it, sent when we connected."""
        return self._libpq.backend_pid

    async def execute(self, statement: str, *values: str) -> Rows:
        """
        values: for $1, $2, … Returns the rows as texts. Raises PostgresAway, and psycopg.Error for what the
        server refuses. If cancelled, closes the connection: the late answer would be taken for the next
        statement's.
        """
        async with self._turn:
            self._answer = self._loop.create_future()
            self._rows, self._refusal = [], None
            try:
                self._send(statement, values)
                return await self._answer
            except BaseException as exc:
                if not isinstance(exc, psycopg.Error):
                    self.close()
                raise
            finally:
                self._answer = None

    def close(self) -> None:
        """Does not wait."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        connection.pgconn.finish()

    def cut(self) -> None:
        """Breaks the connection, as a network failure would."""
        if self._connection is not None:
            shut_down(self._socket)

    @property
    def _libpq(self) -> pq.abc.PGconn:
        if self._connection is None:
            raise PostgresAway("the connection is closed")
        return self._connection.pgconn

    def _send(self, statement: str, values: tuple[str, ...]) -> None:
        libpq = self._libpq
        try:
            libpq.send_query_params(statement.encode(), [value.encode() for value in values])
        except psycopg.OperationalError as exc:
            raise PostgresAway(str(exc)) from exc
        self._flush()

    def _flush(self) -> None:
        """Called again whenever the socket takes more."""
        try:
            waits = self._libpq.flush()
        except psycopg.OperationalError as exc:
            self._lose(exc)
            return
        if waits:
            self._loop.add_writer(self._socket, self._flush)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Called whenever the socket has something."""
        libpq = self._libpq
        try:
            libpq.consume_input()
            self._take_answer(libpq)
            while (notified := libpq.notifies()) is not None:
                self._on_notify(notified.be_pid, notified.extra.decode("utf-8", "replace"))
                if self._connection is None:  # on_notify closed the connection
                    return
        except psycopg.OperationalError as exc:
            self._lose(exc)

    def _take_answer(self, libpq: pq.abc.PGconn) -> None:
        while self._answer is not None and not self._answer.done() and not libpq.is_busy():
            result = libpq.get_result()
            if result is None:
                self._resolve(self._answer)
            elif result.status == pq.ExecStatus.FATAL_ERROR:
                self._refusal = psycopg.errors.error_from_result(result)
            else:
                self._rows += _rows_of(result)

    def _resolve(self, answer: "asyncio.Future[Rows]") -> None:
        if self._refusal is None:
            answer.set_result(self._rows)
        elif isinstance(self._refusal, psycopg.OperationalError):
            # The server ended our connection, is full, or shuts down: all of these are temporary.
            answer.set_exception(PostgresAway(str(self._refusal)))
        else:
            answer.set_exception(self._refusal)

    def _lose(self, failure: psycopg.Error) -> None:
        away = PostgresAway(str(failure).strip())
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(away)
        self._on_lost(away)


def _rows_of(result: pq.abc.PGresult) -> Rows:
    columns = range(result.nfields)
    return [
        tuple((result.get_value(row, column) or b"").decode() for column in columns)
        for row in range(result.ntuples)
    ]
