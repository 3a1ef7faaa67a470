"""
The only sender to the channel layer. It decides what is sent; dispatcher.py and lane.py decide how.

publish() never raises, whatever Redis does. It delays its caller by at most SYNCHRONOUS_TIMEOUT, and that
once per outage of Redis. At exit the waiting events are flushed, with a deadline.
"""

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..conf import cable_settings
from ..ground.echo import current_client
from ..ground.job_limits import job_limits_wait
from ..ground.metrics import metrics
from ..wire import protocol
from ..wire.payloads import Change
from .dispatcher import Dispatcher
from .events import answer_event, control_group
from .outgoing import (
    Outgoing,
    changes_for,
    checked_disconnect,
    chunks_by_user,
    outgoing,
    shared_for,
    split_shared,
)

logger = logging.getLogger(__name__)


class Publisher:
    """
    One dispatcher per process, found by process id: a forked child must not use its parent's, whose threads
    do not exist in the child and whose locks may be held for ever. os.register_at_fork alone is not enough:
    uWSGI forks without it, unless it is configured.
    """

    def __init__(self) -> None:
        # Those of parent processes are kept, so that the garbage collector never closes connections that the
        # parents use.
        self._dispatchers: dict[int, Dispatcher] = {}
        self._of_ancestors: list[Dispatcher] = []

    def enqueue(self, items: Iterable[Outgoing]) -> None:
        """Send them, now or in the background."""
        with self.uninterrupted():
            self._own.dispatch(list(items))

    def uninterrupted(self) -> AbstractContextManager[None]:
        """
        Delays the time limit of a job until the end of the block. For code that catches every failure of an
        announcement. A process with a hub runs no jobs.
        """
        return nullcontext() if self._own.hub_runs else job_limits_wait()

    @property
    def waiting(self) -> int:
        """Changes that wait to be sent."""
        return self._own.waiting

    def flush(self, timeout: float) -> bool:
        """
        Wait so many seconds until everything is sent. Returns whether it was, and nothing was dropped since
        the last flush. Not to be called on the loop that sends.
        """
        return self._own.flush(timeout)

    def close(self) -> None:
        """Closes the connections; publishing again opens others."""
        self._own.close()

    def finish(self) -> None:
        """At exit."""
        self._own.finish()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The hub's loop sends from now on."""
        self._own.attach(loop)

    def detach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The hub's loop stops sending. Called on that loop."""
        self._own.detach(loop)

    def forget_ancestors(self) -> None:
        """Called in a forked child, whose process id may have been that of an ancestor."""
        self._of_ancestors += self._dispatchers.values()
        self._dispatchers = {}

    @property
    def _own(self) -> Dispatcher:
        pid = os.getpid()
        return self._dispatchers.get(pid) or self._dispatchers.setdefault(pid, Dispatcher())


publisher = Publisher()


def publish(changes: Sequence[Change]) -> None:
    """Announce changes to the clients of their owners. Never raises; at most once."""
    with publisher.uninterrupted():
        _publish(changes)


def _publish(changes: Sequence[Change]) -> None:
    client = current_client()
    items = []
    shared, others = split_shared(changes)
    for alike in shared:
        try:
            items += shared_for(alike, client)
        except Exception:
            _count_unpublished(len(alike))
    if client:
        others = [change._replace(client=client) for change in others]
    for user_id, chunk in chunks_by_user(others):
        try:
            items.append(changes_for(user_id, chunk))
        except Exception:
            _count_unpublished(len(chunk))
    try:
        publisher.enqueue(items)
    except Exception:
        _count_unpublished(sum(item.weight for item in items))


def _count_unpublished(count: int) -> None:
    metrics.count("drops:publish_error", count)
    logger.exception("could not publish %d changes; clients receive them with the next reconcile", count)


def publish_disconnect(
    user_id: Any,
    *,
    keys: Iterable[object] | None = None,
    reason: str = protocol.REMOTE,
    reconnect: bool = False,
) -> dict[str, Any]:
    """
    See sync_cable.disconnect. Raises TypeError for arguments that no process could act on.

    Returns the order. It may be lost before it is sent, or arrive late: a revocation, which is in a table, is
    found by the reconcile all the same.
    """
    event = checked_disconnect(user_id, keys, reason, reconnect)
    publisher.enqueue([outgoing(control_group(), event)])
    return event


def publish_answer(group: str, state: dict[str, Any]) -> None:
    """Answers a process that asked for the state of this one."""
    publisher.enqueue([outgoing(group, answer_event(state))])


def flush(timeout: float | None) -> bool:
    """See sync_cable.flush."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return publisher.flush(cable_settings().flush_timeout if timeout is None else timeout)
    raise RuntimeError("flush() would block the event loop: await asyncio.to_thread(sync_cable.flush)")


# atexit runs after the interpreter has closed its thread pools, and a connection to a host by name needs one;
# threading's own hook (used by concurrent.futures) runs before.
getattr(threading, "_register_atexit", atexit.register)(publisher.finish)
os.register_at_fork(after_in_child=publisher.forget_ancestors)
