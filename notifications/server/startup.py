"""
What a server logs about its database at startup. The server starts in any case: it waits for a database that
is down, and the readiness check (health.ready) answers 503 until the database answers.
"""

import logging
import threading
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

logger = logging.getLogger(__name__)

# A database that refuses the connection does so at once. If its packets are dropped, there is no answer for
# minutes.
SILENT_SECONDS = 1.5


def watch_database() -> None:
    """On threads of its own: a query to a database that does not answer blocks until the system gives up."""
    if not connection.settings_dict["ENGINE"] or connection.vendor == "unknown":
        return  # for example where each tenant has a database and there is no default one
    answered = threading.Event()
    threading.Thread(target=_ask, args=(answered,), name="startup-database", daemon=True).start()
    threading.Thread(target=_watch, args=(answered,), name="startup-watch", daemon=True).start()


def _watch(answered: threading.Event) -> None:
    if not answered.wait(SILENT_SECONDS):
        logger.warning("%s has not answered for %g s; waiting for it", _name(), SILENT_SECONDS)


def _ask(answered: threading.Event) -> None:
    try:
        missing = _missing_migrations()
    except Exception as exc:
        # The database, the driver and the resolver each have exceptions of their own.
        reason = " ".join(str(exc).split())
        logger.warning("%s does not answer: %s: %s; waiting for it", _name(), type(exc).__name__, reason)
    else:
        if missing:
            logger.warning("%s lacks %d migrations: manage.py migrate", _name(), missing)
    finally:
        answered.set()
        connection.close()


def _missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _name() -> str:
    """Without user and password."""
    found: dict[str, Any] = connection.settings_dict
    place = f"{found['HOST']}:{found['PORT'] or 5432}/" if found["HOST"] else ""
    return f"the database {place}{found['NAME']}"
