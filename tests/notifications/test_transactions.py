"""How transactions end: tests' captures, savepoints by hand, hooks of others that fail, no autocommit."""

import asyncio
import contextlib
import threading

import pytest
from django.db import Error, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TestCase, TransactionTestCase

from lessy.accounts.models import User
from notifications.broker import publisher
from notifications.changes.steps import Step
from notifications.changes.transactions import batch_of
from notifications.testing import captured_notifications
from notifications.wire.payloads import Change
from tasks.models import Task


class Undone(Exception):
    pass


def _fail():
    raise Undone


def new_task(user, label="tea"):
    return Task.objects.create(user=user, label=label)


def actions(batches):
    return [[(each["action"], each["id"]) for each in batch] for batch in batches]


class InATestCase(TestCase):
    """The recipe of docs/plugging-in.md, for rows that were made outside of the capture."""

    @classmethod
    def setUpTestData(cls):
        cls.alice = User.objects.create_user("alice", "alice@example.com", "secret")
        cls.old = new_task(cls.alice)

    def setUp(self):
        self.row = new_task(self.alice)

    @contextlib.contextmanager
    def _announced(self):
        found = []
        with captured_notifications() as batches, self.captureOnCommitCallbacks(execute=True):
            yield found
        found += actions(batches)

    def test_a8_a_row_of_set_up_is_updated(self):
        with self._announced() as found:
            self.row.save()
        assert found == [[("update#tasks", self.row.pk)]]

    def test_a8_a_row_of_set_up_test_data_is_updated(self):
        with self._announced() as found:
            self.old.save()
        assert found == [[("update#tasks", self.old.pk)]]

    def test_a8_a_row_of_the_test_itself_is_updated(self):
        row = new_task(self.alice)
        with self._announced() as found:
            row.save()
        assert found == [[("update#tasks", row.pk)]]

    def test_a8_all_that_was_saved_in_a_capture_is_one_batch(self):
        with self._announced() as found:
            self.row.save()
            with transaction.atomic():
                new = new_task(self.alice)
            new.save()
        assert found == [[("update#tasks", self.row.pk), ("create#tasks", new.pk)]]

    def test_a8_captures_follow_one_another(self):
        for _ in range(3):
            with self._announced() as found:
                self.row.save()
            assert found == [[("update#tasks", self.row.pk)]]

    def test_a8_what_was_saved_between_captures_belongs_to_none(self):
        with self._announced():
            self.row.save()
        self.old.save()
        with self._announced() as found:
            self.row.save()
        assert found == [[("update#tasks", self.row.pk)]]

    def test_a8_a_savepoint_that_is_rolled_back_in_a_capture_is_not_announced(self):
        with self._announced() as found:
            self.row.save()
            with contextlib.suppress(Undone), transaction.atomic():
                self.old.save()
                raise Undone
        assert found == [[("update#tasks", self.row.pk)]]

    def test_a8_a_capture_that_executes_nothing_sends_nothing(self):
        with captured_notifications() as batches:
            with self.captureOnCommitCallbacks() as callbacks:
                self.row.save()
            assert batches == []
            for callback in callbacks:
                callback()
        assert actions(batches) == [[("update#tasks", self.row.pk)]]

    def test_a8_with_hooks_of_others_before_and_within_the_capture(self):
        called = []
        transaction.on_commit(_fail)
        with self._announced() as found:
            transaction.on_commit(lambda: called.append(1))
            self.row.save()
        assert (called, found) == ([1], [[("update#tasks", self.row.pk)]])


class InATransactionTestCase(TransactionTestCase):
    def test_a8_a_capture_around_commits_leaves_them_as_they_are(self):
        alice = User.objects.create_user("alice", "alice@example.com", "secret")
        row = new_task(alice)
        with captured_notifications() as batches, TestCase.captureOnCommitCallbacks(execute=True):
            row.save()
            row.save()
        assert actions(batches) == [[("update#tasks", row.pk)]] * 2


@pytest.mark.django_db
def test_a8_with_pytest_django(alice, django_capture_on_commit_callbacks):
    row = new_task(alice)
    with captured_notifications() as batches, django_capture_on_commit_callbacks(execute=True):
        row.save()
    assert actions(batches) == [[("update#tasks", row.pk)]]


@pytest.fixture
def batches(alice, transactional_db):
    with captured_notifications() as found:
        yield found


def test_a9_a_savepoint_by_hand_that_is_rolled_back_is_not_announced(alice, batches):
    with transaction.atomic():
        before = new_task(alice)
        sid = connection.savepoint()
        undone = new_task(alice)
        transaction.savepoint_rollback(sid)
        after = new_task(alice)
    assert actions(batches) == [[("create#tasks", before.pk), ("create#tasks", after.pk)]]
    assert undone.label == after.label


def test_a9_a_savepoint_by_hand_may_be_rolled_back_again(alice, batches):
    with transaction.atomic():
        sid = connection.savepoint()
        for _ in range(2):
            new_task(alice)
            transaction.savepoint_rollback(sid)
        kept = new_task(alice)
        transaction.savepoint_commit(sid)
    assert actions(batches) == [[("create#tasks", kept.pk)]]


def test_a9_an_outer_savepoint_by_hand_takes_what_is_in_inner_ones(alice, batches):
    with transaction.atomic():
        outer = connection.savepoint()
        with transaction.atomic():
            new_task(alice)
        inner = connection.savepoint()
        new_task(alice)
        transaction.savepoint_commit(inner)
        transaction.savepoint_rollback(outer)
    assert batches == []


def test_a9_an_inner_savepoint_by_hand_leaves_what_was_before(alice, batches):
    with transaction.atomic():
        connection.savepoint()
        kept = new_task(alice)
        inner = connection.savepoint()
        kept.save()
        transaction.savepoint_rollback(inner)
    assert actions(batches) == [[("create#tasks", kept.pk)]]


@pytest.mark.parametrize("robust", [True, False])
def test_a9_a_hook_of_somebody_else_that_fails_first_silences_nobody(alice, batches, robust):
    with contextlib.suppress(Undone), transaction.atomic():
        transaction.on_commit(_fail, robust=robust)
        row = new_task(alice)
    assert Task.objects.filter(pk=row.pk).exists()
    assert actions(batches) == [[("create#tasks", row.pk)]]


def test_a9_what_is_saved_after_a_failed_hook_is_a_batch_of_its_own(alice, batches):
    for _ in range(2):
        batches.clear()
        with contextlib.suppress(Undone), transaction.atomic():
            transaction.on_commit(_fail)
            row = new_task(alice)
        assert actions(batches) == [[("create#tasks", row.pk)]]


def test_a9_who_publishes_may_query(alice, transactional_db, monkeypatch):
    """A log handler that writes to the database, say: on PostgreSQL it would leave a transaction open."""
    autocommit = []
    monkeypatch.setattr(publisher, "publish", lambda changes: autocommit.append(connection.get_autocommit()))
    with transaction.atomic():
        new_task(alice)
    assert autocommit == [True]


def test_a9_a_hook_of_somebody_else_saves(alice, batches):
    rows = []
    with transaction.atomic():
        transaction.on_commit(lambda: rows.append(new_task(alice)))
        rows.append(new_task(alice))
    assert actions(batches) == [[("create#tasks", row.pk)] for row in rows]


@contextlib.contextmanager
def no_autocommit():
    transaction.set_autocommit(False)
    try:
        yield
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_a9_without_autocommit_it_is_announced_at_each_commit(alice, batches, caplog):
    with no_autocommit():
        first = new_task(alice)
        assert batches == []
        transaction.commit()
        assert actions(batches) == [[("create#tasks", first.pk)]]
        first.save()
        transaction.commit()
    assert actions(batches[1:]) == [[("update#tasks", first.pk)]]
    assert caplog.records == []


def test_a9_without_autocommit_what_is_rolled_back_is_not_announced(alice, batches):
    with no_autocommit():
        new_task(alice)
        transaction.rollback()
        kept = new_task(alice)
        transaction.commit()
        new_task(alice)
    assert actions(batches) == [[("create#tasks", kept.pk)]]


def test_a9_without_autocommit_nothing_is_left_with_django(alice, batches):
    with no_autocommit():
        for _ in range(3):
            with transaction.atomic():
                new_task(alice)
            transaction.commit()
            assert connection.run_on_commit == []
    assert len(batches) == 3


def test_a9_a_durable_block_is_one_batch(alice, batches):
    with transaction.atomic(durable=True):
        with transaction.atomic():
            first = new_task(alice)
        second = new_task(alice)
    assert actions(batches) == [[("create#tasks", first.pk), ("create#tasks", second.pk)]]


def test_a9_a_connection_that_is_lost_in_a_transaction_announces_nothing(alice, batches):
    with contextlib.suppress(Error), transaction.atomic():
        new_task(alice)
        connection.close()
    kept = new_task(alice)
    assert actions(batches) == [[("create#tasks", kept.pk)]]


def test_a9_recipes_that_call_hooks_at_once_go_on_working(alice, batches, monkeypatch):
    """`transaction.on_commit = lambda hook, **options: hook()`, as projects' tests do."""
    monkeypatch.setattr(transaction, "on_commit", lambda hook, **_: hook())
    with transaction.atomic():
        row = new_task(alice)
        assert actions(batches) == [[("create#tasks", row.pk)]]
        row.save()
    assert actions(batches) == [[("create#tasks", row.pk)], [("update#tasks", row.pk)]]


def test_a9_if_somebody_replaces_our_methods_the_first_hook_announces_all(alice, batches):
    with transaction.atomic():
        first = new_task(alice)
        del connection.commit, connection.run_and_clear_commit_hooks
        with transaction.atomic():
            second = new_task(alice)
    del connection.cable_batch  # or no other test would see them again
    assert actions(batches) == [[("create#tasks", first.pk), ("create#tasks", second.pk)]]


def test_a9_who_replaces_methods_of_djangos_class_is_called(alice, batches, monkeypatch):
    """As Sentry does, perhaps after the first save."""
    new_task(alice)
    commits, commit = [], BaseDatabaseWrapper.commit
    monkeypatch.setattr(BaseDatabaseWrapper, "commit", lambda self: (commits.append(1), commit(self)))
    new_task(alice)
    assert commits == [1]


async def test_a9_each_connection_has_transactions_of_its_own(alice, batches):
    """In async code, too: what one thread has saved is not announced by the commit of another."""
    saved, commits = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def save_and_wait():
        with transaction.atomic():
            batch_of("default").add([Step(Change("create", "tasks", 1, alice.pk, 1, '{"n":1}'))])
            loop.call_soon_threadsafe(saved.set)
            assert commits.wait(10)
        connection.close()

    def save():
        batch_of("default").add([Step(Change("create", "tasks", 2, alice.pk, 1, '{"n":2}'))])
        connection.close()

    first = asyncio.create_task(asyncio.to_thread(save_and_wait))
    await saved.wait()
    await asyncio.to_thread(save)
    assert batches == [[{"n": 2}]]
    commits.set()
    await first
    assert batches == [[{"n": 2}], [{"n": 1}]]
