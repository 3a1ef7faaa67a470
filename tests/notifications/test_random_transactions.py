"""
Random transactions: what is announced is what was committed, in the order of the commits.

A machine opens and ends savepoints, of atomic() and by hand, saves, creates, changes owners, registers hooks
that fail and runs into exceptions. Beside it stands a model of what should be announced: a stack of what each
level would commit, and who owned each row before.
"""

import contextlib
import json
import os
from typing import NamedTuple
from unittest import mock

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from lessy.accounts.models import User
from notifications.broker import publisher
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


class Saved(NamedTuple):
    pk: int
    owner: int
    at: int


class Transactions(RuleBasedStateMachine):
    """
    stack: per open block, what was saved in it and not undone, in order. savepoints: those by hand in the
    innermost block, each with how much was saved before. owners: as committed. ended: how many transactions
    there were.
    """

    ended = 0

    def __init__(self):
        super().__init__()
        self.users = list(User.objects.order_by("pk"))
        self.open = contextlib.ExitStack()
        self.batches = []
        self.open.enter_context(mock.patch.object(publisher, "publish", self._collect))
        self.rows = [Task.objects.create(user=self.users[0], label="x") for _ in range(3)]
        self.owners = {row.pk: row.user_id for row in self.rows}
        self.blocks, self.stack, self.savepoints = [], [], []
        self.batches.clear()

    def _collect(self, changes):
        self.batches.append([(change.user_id, json.loads(change.payload)) for change in changes])

    # What happens

    @precondition(lambda self: len(self.blocks) < DEPTH)
    @rule()
    def begin(self):
        block = transaction.atomic()
        block.__enter__()
        self.blocks.append(block)
        self.stack.append([])
        self.savepoints.append([])

    @precondition(lambda self: self.blocks)
    @rule(index=st.integers(0, 2), owner=st.sampled_from([None, None, 0, 1]))
    def save(self, index, owner):
        self._save(self.rows[index], owner)

    @precondition(lambda self: self.blocks)
    @rule(again=st.booleans(), owner=st.sampled_from([None, 0, 1]))
    def create(self, again, owner):
        row = Task.objects.create(user=self.users[0], label="x")
        self.stack[-1].append(Saved(row.pk, row.user_id, 0))
        if again:
            self._save(row, owner)

    def _save(self, row, owner):
        if owner is not None:
            row.user = self.users[owner]
        row.save()
        self.stack[-1].append(Saved(row.pk, row.user_id, int(row.updated_at.timestamp())))

    @precondition(lambda self: self.blocks)
    @rule()
    def set_savepoint(self):
        self.savepoints[-1].append((connection.savepoint(), len(self.stack[-1])))

    @precondition(lambda self: self.blocks and self.savepoints[-1])
    @rule(index=st.integers(0, 9), release=st.booleans())
    def return_to_savepoint(self, index, release):
        index %= len(self.savepoints[-1])
        sid, saved = self.savepoints[-1][index]
        transaction.savepoint_rollback(sid)
        del self.stack[-1][saved:]
        if release:
            transaction.savepoint_commit(sid)
        del self.savepoints[-1][index + (not release) :]

    @precondition(lambda self: self.blocks)
    @rule(robust=st.booleans())
    def hook_that_fails(self, robust):
        transaction.on_commit(_fail, robust=robust)

    @precondition(lambda self: self.blocks)
    @rule()
    def commit(self):
        self._leave(undone=False)

    @precondition(lambda self: self.blocks)
    @rule()
    def roll_back(self):
        self._leave(undone=True)

    def _leave(self, *, undone):
        saved = [] if undone else self.stack[-1]
        self.stack.pop()
        self.savepoints.pop()
        failure = (Undone, Undone(), None) if undone else (None, None, None)
        with contextlib.suppress(Undone):  # of a hook
            self.blocks.pop().__exit__(*failure)
        if self.blocks:
            self.stack[-1] += saved
        else:
            self._check(saved)

    # What should be announced

    def _check(self, committed):
        """At once after the outermost block ended: one batch, of what it committed, in its order."""
        type(self).ended += 1
        expected = _expected(committed, self.owners)
        assert self.batches == ([expected] if expected else [])
        self.batches.clear()
        self.owners |= {saved.pk: saved.owner for saved in committed}
        assert dict(Task.objects.filter(pk__in=self.owners).values_list("pk", "user_id")) == self.owners

    def teardown(self):
        while self.blocks:
            self._leave(undone=False)
        self.open.close()


def _expected(committed, owners):
    """Per row and user: a create for who has it and had it not, an update for who had it."""
    now, found = dict(owners), {}
    for step, (pk, owner, at) in enumerate(committed):
        before, now[pk] = now.get(pk), owner
        update = {"action": "update#tasks", "id": pk, "updatedAt": at}
        if before == owner:
            if owners.get(pk) == owner:
                found[owner, pk] = (step, update)
            continue
        if owners.get(pk) == before is not None:
            found[before, pk] = (step, update)
        else:
            found.pop((before, pk), None)
        creation = {"action": "create#tasks", "id": pk}
        found[owner, pk] = (step + 0.5, update if owners.get(pk) == owner else creation)
    ordered = sorted(found.items(), key=lambda entry: entry[1][0])
    return [(user, payload) for (user, _), (_, payload) in ordered]


def test_random_transactions_announce_exactly_what_they_commit(alice, bob, caplog):
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
