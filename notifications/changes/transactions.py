"""
What was saved on a database connection, published when its transaction commits.

A transaction is made of parts: a new part begins after each savepoint, also after those of other code. Each
part has a hook in Django's on_commit list, and is rolled back when Django drops that hook. The commit of the
connection publishes all parts that are left, as one batch (docs/decisions/0014).
"""

import logging
from collections.abc import Callable, Iterable
from weakref import ref

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..broker import publisher
from ..wire.payloads import Change
from . import notices, telling
from .resources import shared_resources
from .steps import Step, net, recorded

logger = logging.getLogger(__name__)

_ATTRIBUTE = "cable_batch"

Hook = Callable[[], None]


class _Savepoints(set[str]):
    """
    The savepoints whose rollback undoes what is saved now: all that were opened before.

    Django knows only those of atomic(). Its names are numbered, so that those of transaction.savepoint() are
    recognised by their numbers. Django evaluates `sid in savepoints` when it rolls one back.
    """

    def __init__(self, last: int) -> None:
        super().__init__()
        self._last = last

    def __contains__(self, sid: object) -> bool:
        number = str(sid).rpartition("_x")[2]
        return number.isdecimal() and int(number) <= self._last


class Part:
    """
    What was saved between two savepoints. savepoint: the number of the last one before. atomic: its
    transaction is one of atomic(), not one by hand. captured: a test's captureOnCommitCallbacks called its
    hook, which counts as a commit there. written: what Batch.write() wrote.
    """

    def __init__(self, savepoint: int, atomic: bool, steps: list[Step], hook: Hook) -> None:
        self.savepoint = savepoint
        self.atomic = atomic
        self.steps = steps
        self.written: list[notices.Written] = []
        self.committed = self.captured = False
        self._hook = ref(hook)

    @property
    def hook(self) -> Hook | None:
        """None if it was rolled back (or has run): only Django's list holds it."""
        return self._hook()

    @property
    def undone(self) -> bool:
        return not self.committed and self.hook is None


class Batch:
    """The parts of the transaction of a connection, oldest first. A rollback removes the last ones."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self.parts: list[Part] = []
        self._publish_after_commits()

    def _publish_after_commits(self) -> None:
        """
        Wraps methods of the connection, because our hooks are not enough: another hook that raises prevents
        all later ones, and without autocommit no hook is called before autocommit is switched on.
        """
        commit = _method(self._connection, "commit")
        run_hooks = _method(self._connection, "run_and_clear_commit_hooks")

        def commit_and_publish() -> None:
            if self.parts:
                self._write_notices()
            commit()
            # The end of atomic() has yet to switch autocommit on: a query now would begin a transaction.
            if self.parts and not self.parts[0].atomic:
                try:
                    self._committed()
                finally:
                    self._end_of_reading(commit)

        def publish_and_run_hooks() -> None:
            # A job whose time limit is over has committed all the same: the other hooks run before the limit
            # is raised.
            try:
                self._committed()
            finally:
                run_hooks()

        self._connection.commit = commit_and_publish  # type: ignore[method-assign]
        self._connection.run_and_clear_commit_hooks = publish_and_run_hooks  # type: ignore[method-assign]

    def add(self, steps: list[Step], to: Part | None = None) -> Part | None:
        """
        Publishes the steps at the commit; now, and then returns None, if there is no transaction. to: a part
        that was opened for them, used if it is the last and no savepoint was opened since.
        """
        self._drop_what_was_rolled_back()
        if not self._connection.in_atomic_block and self._connection.get_autocommit():
            notices.write(recorded(steps), self._connection.alias)
            self._publish(steps)
            return None
        part = to if to is not None and self._is_open(to) else self._part_to_fill()
        if part is None:
            return self._open_part(steps)
        part.steps += steps
        return part

    def write(self, portion: list[Change]) -> None:
        """
        As add(), for losses that are too many to be held. They have one resource and time, by which they are
        found again after the commit. net() does not see them: of a row made in the same transaction, readers
        who were never notified of it may get a destroy.
        """
        notices.write(portion, self._connection.alias)
        part = self.add([])
        if part is None:
            self._publish([], [notices.Written.of(portion)])
        elif (written := notices.Written.of(portion)) not in part.written:
            part.written.append(written)

    def _drop_what_was_rolled_back(self) -> None:
        while self.parts and self.parts[-1].hook is None:
            self.parts.pop().steps.clear()

    def _is_open(self, part: Part) -> bool:
        last = self.parts[-1] if self.parts else None
        return part is last and not part.captured and part.savepoint == self._connection.savepoint_state

    def _part_to_fill(self) -> Part | None:
        """The last one, if no savepoint was opened since and its hook has not been called."""
        if not self.parts or self._in_test_case():
            return None
        part, hooks = self.parts[-1], self._connection.run_on_commit
        return part if self._is_open(part) and hooks and hooks[-1][1] is part.hook else None

    def _in_test_case(self) -> bool:
        """
        Whether a TestCase holds the transaction. There each part stays by itself: captureOnCommitCallbacks
        recognises by the place of a hook in Django's list whether something was saved inside it.
        """
        return any(getattr(block, "_from_testcase", False) for block in self._connection.atomic_blocks)

    def _open_part(self, steps: list[Step]) -> Part:
        # Django writes the __qualname__ of a failing robust hook to its log: only functions have one.
        def publish_part() -> None:
            self._called(part)

        savepoint = self._connection.savepoint_state
        # Within a transaction by hand, atomic() commits nothing.
        atomic = self._connection.in_atomic_block and self._connection.commit_on_exit
        part = Part(savepoint, atomic, steps, publish_part)
        self.parts.append(part)
        hooks = self._connection.run_on_commit
        if self._connection.in_atomic_block:
            # Robust: a notification that fails must not turn a committed row into an error.
            transaction.on_commit(publish_part, using=self._connection.alias, robust=True)
            if hooks and hooks[-1][1] is publish_part:
                hooks.pop()
        # Without autocommit, Django's on_commit() refuses outside of atomic().
        hooks.append((_Savepoints(savepoint), publish_part, True))  # type: ignore[arg-type]
        return part

    def _called(self, part: Part) -> None:
        """
        Called by a test's capture; or after a commit, if other code replaced our methods of the connection.
        """
        self._drop_what_was_rolled_back()
        if not self._connection.in_atomic_block:
            self._committed()
        elif part in self.parts:
            captured = [each for each in self.parts[self.parts.index(part) :] if not each.captured]
            for each in captured:
                each.captured = True
            notices.write(recorded(_steps_of(captured)), self._connection.alias)
            self._publish(_steps_of(captured), _written_by(captured))

    def _write_notices(self) -> None:
        """In the transaction that they are about. What the database raises, the commit raises."""
        self._drop_what_was_rolled_back()
        try:
            if changes := recorded(_steps_of(part for part in self.parts if not part.captured)):
                notices.write(changes, self._connection.alias)
        except DatabaseError:
            raise
        except BaseException:
            # For example a worker's time limit: Django rolls back for database errors only.
            self._connection.rollback()
            raise

    def _end_of_reading(self, commit: Hook) -> None:
        """Without autocommit, reading who sees what was committed has begun another transaction."""
        try:
            if shared_resources():
                commit()
        except DatabaseError:
            logger.exception("could not end the transaction in which the audience was read")

    def _committed(self) -> None:
        parts, self.parts = [part for part in self.parts if part.hook is not None], []
        hooks = {part.hook for part in parts}
        entries = self._connection.run_on_commit
        entries[:] = [entry for entry in entries if entry[1] not in hooks]
        for part in parts:
            part.committed = True
        parts = [part for part in parts if not part.captured]
        self._publish(_steps_of(parts), _written_by(parts))

    def _publish(self, steps: Iterable[Step], written: Iterable[notices.Written] = ()) -> None:
        """
        Raises nothing but the time limit of a job, when all is published: what is committed stays committed.
        """
        with publisher.publisher.uninterrupted():
            self._publish_all(steps, written)

    def _publish_all(self, steps: Iterable[Step], written: Iterable[notices.Written]) -> None:
        try:
            for each in written:
                for portion in notices.again(each, self._connection.alias):
                    publisher.publish(telling.visible(portion, self._connection.alias))
            if changes := net(steps):
                for chunk in telling.for_users(changes, self._connection.alias):
                    if chunk:
                        publisher.publish(chunk)
        except Exception:
            logger.exception("could not publish what was committed; the next reconcile will")


def _method(connection: BaseDatabaseWrapper, name: str) -> Callable[[], None]:
    """Looked up at each call: monitoring tools replace methods of the class, perhaps later than we do."""
    of_this_one: Callable[[], None] | None = vars(connection).get(name)
    return of_this_one or (lambda: getattr(type(connection), name)(connection))


def _steps_of(parts: Iterable[Part]) -> list[Step]:
    return [step for part in parts for step in part.steps]


def _written_by(parts: Iterable[Part]) -> list[notices.Written]:
    return [written for part in parts for written in part.written]


def batch_of(using: str) -> Batch:
    """The batch of this thread's connection to a database."""
    connection = connections[using]
    batch: Batch | None = getattr(connection, _ATTRIBUTE, None)
    if batch is None:
        batch = Batch(connection)
        setattr(connection, _ATTRIBUTE, batch)
    return batch
