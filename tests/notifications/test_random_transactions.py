"""
Random transactions: what is announced is what was committed, in the order of the commits.

A machine opens and ends savepoints, saves, creates, registers hooks that fail and runs into exceptions.
Beside it stands a model of what should be announced: a stack of what each level would commit.
"""

import contextlib
import os

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from lessy.accounts.models import User
from notifications.testing import captured_notifications
from tasks.models import Task

pytestmark = pytest.mark.django_db(transaction=True)

TRANSACTIONS = int(os.environ.get("LESSY_RANDOM_TRANSACTIONS", "200"))
# At least: a run ends with the rollback or the commit of what it left open.
TRANSACTIONS_OF_A_RUN = 10
STEPS = 80
DEPTH = 5


class Undone(Exception):
    pass


def _fail():
    raise Undone


class Transactions(RuleBasedStateMachine):
    """
    stack: per open block, what was saved in it and not undone, as (action, id, time), in order. ended: how
    many transactions there were.
    """

    ended = 0

    def __init__(self):
        super().__init__()
        self.user = User.objects.get()
        self.open = contextlib.ExitStack()
        self.batches = self.open.enter_context(captured_notifications())
        self.rows = [Task.objects.create(user=self.user, label="x") for _ in range(3)]
        self.blocks, self.stack = [], []
        self.batches.clear()

    # What happens

    @precondition(lambda self: len(self.blocks) < DEPTH)
    @rule()
    def begin(self):
        block = transaction.atomic()
        block.__enter__()
        self.blocks.append(block)
        self.stack.append([])

    @precondition(lambda self: self.blocks)
    @rule(index=st.integers(0, 2))
    def save(self, index):
        row = self.rows[index]
        row.save()
        self.stack[-1].append(("update", row.pk, int(row.updated_at.timestamp())))

    @precondition(lambda self: self.blocks)
    @rule(again=st.booleans())
    def create(self, again):
        row = Task.objects.create(user=self.user, label="x")
        self.stack[-1].append(("create", row.pk, None))
        if again:
            row.save()
            self.stack[-1].append(("update", row.pk, int(row.updated_at.timestamp())))

    @precondition(lambda self: self.blocks)
    @rule()
    def hook_that_fails(self):
        transaction.on_commit(_fail, robust=True)

    @precondition(lambda self: self.blocks)
    @rule()
    def commit(self):
        self._leave(undone=False)

    @precondition(lambda self: self.blocks)
    @rule()
    def roll_back(self):
        self._leave(undone=True)

    def _leave(self, *, undone):
        changed = self.stack.pop()
        failure = (Undone, Undone(), None) if undone else (None, None, None)
        self.blocks.pop().__exit__(*failure)
        if self.blocks:
            self.stack[-1] += [] if undone else changed
        else:
            self._check([] if undone else changed)

    # What should be announced

    def _check(self, committed):
        """At once after the outermost block ended: one batch, of what it committed, in its order."""
        type(self).ended += 1
        expected = _compacted(committed)
        assert self.batches == ([expected] if expected else [])
        self.batches.clear()

    def teardown(self):
        while self.blocks:
            self._leave(undone=False)
        self.open.close()


def _compacted(committed):
    """One per row and action: a creation says it all, and of several updates the last counts."""
    created = {pk for action, pk, _ in committed if action == "create"}
    found = {}
    for action, pk, at in committed:
        if action == "create":
            found[pk] = {"action": "create#tasks", "id": pk}
        elif pk not in created:
            found.pop(pk, None)
            found[pk] = {"action": "update#tasks", "id": pk, "updatedAt": at}
    return list(found.values())


def test_random_transactions_announce_exactly_what_they_commit(alice, caplog):
    caplog.set_level("CRITICAL", "django.db.backends.base")  # the hooks that fail are meant to
    Transactions.ended = 0
    runs = 0
    while Transactions.ended < TRANSACTIONS:
        run_state_machine_as_test(
            Transactions,
            settings=settings(
                max_examples=max(10, TRANSACTIONS // TRANSACTIONS_OF_A_RUN),
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runs += 1
        assert runs < 20
