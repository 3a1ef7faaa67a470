"""
Whatever happens to teams, boards, cards and notes, in whatever transactions: nobody hears of what they may
not see, and everybody knows of all that they may; at once, and after an absence of any length.
"""

import contextlib
import functools
import os

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lessy.accounts.models import User
from notifications.broker import publisher
from notifications.changes import deletions, telling
from notifications.changes.history import changes_since, microseconds_now, reach
from notifications.changes.moves import audience_changes
from notifications.models import Notice
from notifications.wire.payloads import ANONYMOUS, DESTROY
from tests.teams.models import Board, Card, Membership, Note, Team

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = ["board__team__memberships__user", "board__followers", "watchers"]
RULE = "tests.teams.models.CardRule"
STEPS = int(os.environ.get("LESSY_RANDOM_TEAMS", "150"))
# To make small what failed takes minutes.
PHASES = [Phase.generate, *([Phase.shrink] if "LESSY_RANDOM_TEAMS" in os.environ else [])]
USERS = 3


class RolledBack(Exception):
    pass


class Anonymous:
    """Who is connected and nobody, and hears of what is public."""

    pk = ANONYMOUS


def may_see(user):
    """What the rules say, in Python: (resource, primary key)."""
    public = Card._base_manager.filter(archived_at=None, is_public=True)
    found = {("cards", card.pk) for card in public}
    if user is Anonymous:
        return found
    found |= {("notes", note.pk) for note in Note.objects.filter(user=user)}
    for card in Card._base_manager.filter(archived_at=None).select_related("board"):
        team = card.board.team_id
        if (
            Membership.objects.filter(team=team, user=user).exists()
            or card.board.followers.filter(pk=user.pk).exists()
            or card.watchers.filter(pk=user.pk).exists()
        ):
            found.add(("cards", card.pk))
    return found


def changing(method):
    """Of what changes who sees what: where a rule decides it, no signal tells, and the code has to."""

    @functools.wraps(method)
    def changed(self, **given):
        with audience_changes(Card._base_manager.all()) if self.by_rule else contextlib.nullcontext():
            return method(self, **given)

    return changed


class Client:
    """
    What it knows is what it has fetched and not been told is gone: of what it hears of a row it believes what
    comes last.
    """

    def __init__(self, user):
        self.user = user
        self.known = set()
        self.since = microseconds_now()

    @property
    def hears(self):
        return telling.heard_by(self.user.pk)

    def hear(self, change):
        if change.user_id not in self.hears or self.user.pk in change.kept_by:
            return
        row = (change.resource, change.pk)
        if change.action == DESTROY:
            self.known.discard(row)
            return
        allowed = row in may_see(self.user)
        assert allowed or change.resource == "notes", ("leak", change)
        (self.known.add if allowed else self.known.discard)(row)

    def check(self):
        assert self.known == (right := may_see(self.user)), ("loss", right ^ self.known)


class Teams(RuleBasedStateMachine):
    """Each rule is one transaction, or a part of one that may be rolled back."""

    published: list
    by_rule = False

    def __init__(self):
        super().__init__()
        for model in (Note, Card, Board, Membership, Team, Notice, User):
            model._base_manager.all().delete()
        self.block = None
        self.published.clear()
        self.users = [User.objects.create_user(f"user{n}", f"{n}@example.com") for n in range(USERS)]
        self.here = [Client(user) for user in [*self.users, Anonymous]]
        self.away = [Client(user) for user in [*self.users, Anonymous]]
        self.teams = [Team.objects.create(name=str(n)) for n in range(2)]
        self.boards = [Board.objects.create(team=team) for team in [*self.teams, None]]

    def teardown(self):
        if self.block is not None:
            self.end(True)

    # Transactions

    @rule()
    def begin(self):
        if self.block is None:
            self.block = transaction.atomic()
            self.block.__enter__()

    @rule(commits=st.booleans())
    def end(self, commits):
        if self.block is not None:
            block, self.block = self.block, None
            block.__exit__(*((None, None, None) if commits else (RolledBack, RolledBack(), None)))

    # What happens

    def one_of(self, model, number):
        rows = list(model._base_manager.order_by("pk"))
        return rows[number % len(rows)] if rows else None

    @rule(number=st.integers(0, 9), user=st.integers(0, USERS - 1))
    @changing
    def join(self, number, user):
        if team := self.one_of(Team, number):
            Membership.objects.create(team=team, user=self.users[user])

    @rule(number=st.integers(0, 9), user=st.integers(0, USERS - 1))
    @changing
    def join_by_relation(self, number, user):
        if team := self.one_of(Team, number):
            team.people.add(self.users[user])

    @rule(number=st.integers(0, 9), bulk=st.booleans())
    @changing
    def leave(self, number, bulk):
        if membership := self.one_of(Membership, number):
            if bulk:
                membership.team.people.remove(membership.user)
            else:
                membership.delete()

    @rule(number=st.integers(0, 9), user=st.integers(0, USERS - 1), team=st.integers(0, 9))
    @changing
    def hand_over(self, number, user, team):
        membership, other = self.one_of(Membership, number), self.one_of(Team, team)
        if membership is not None:
            membership.user, membership.team = self.users[user], other
            membership.save()

    @rule(number=st.integers(0, 9), user=st.integers(0, USERS - 1), adds=st.booleans())
    @changing
    def follow(self, number, user, adds):
        if board := self.one_of(Board, number):
            (board.followers.add if adds else board.followers.remove)(self.users[user])

    @rule(number=st.integers(0, 9), user=st.integers(0, USERS - 1))
    @changing
    def follow_from_the_other_side(self, number, user):
        if board := self.one_of(Board, number):
            self.users[user].followed_boards.set([board])

    @rule(number=st.integers(0, 9), user=st.integers(0, USERS - 1), adds=st.booleans())
    @changing
    def watch(self, number, user, adds):
        if card := self.one_of(Card, number):
            (card.watchers.add if adds else card.watchers.remove)(self.users[user])

    @rule(number=st.integers(0, 9))
    @changing
    def watch_no_more(self, number):
        if card := self.one_of(Card, number):
            card.watchers.clear()

    @rule(number=st.integers(0, 9))
    def write_a_card(self, number):
        if board := self.one_of(Board, number):
            Card.objects.create(board=board)

    @rule(number=st.integers(0, 9))
    def change_a_card(self, number):
        if card := self.one_of(Card, number):
            card.save()

    @rule(number=st.integers(0, 9))
    def publish(self, number):
        if card := self.one_of(Card, number):
            card.is_public = not card.is_public
            card.save()

    @rule(number=st.integers(0, 9), board=st.integers(0, 9))
    @changing
    def move_a_card(self, number, board):
        if (card := self.one_of(Card, number)) and (other := self.one_of(Board, board)):
            card.board = other
            card.save()

    @rule(number=st.integers(0, 9), team=st.integers(0, 2))
    @changing
    def move_a_board(self, number, team):
        if board := self.one_of(Board, number):
            board.team = None if team == 2 else self.one_of(Team, team)
            board.save()

    @rule(number=st.integers(0, 9))
    def archive(self, number):
        if card := self.one_of(Card, number):
            card.archived_at = None if card.archived_at else card.updated_at
            card.save()

    @rule(number=st.integers(0, 9), model=st.sampled_from([Card, Board, Team]))
    @changing
    def delete(self, number, model):
        if row := self.one_of(model, number):
            row.delete()

    @rule(model=st.sampled_from([Card, Note, Membership]))
    @changing
    def delete_all(self, model):
        model._base_manager.all().delete()

    @rule(user=st.integers(0, USERS - 1))
    def write_a_note(self, user):
        Note.objects.create(user=self.users[user])

    @rule(number=st.integers(0, 9), again=st.booleans())
    def delete_a_note(self, number, again):
        if note := self.one_of(Note, number):
            pk = note.pk
            note.delete()
            if again:
                Note.objects.create(pk=pk, user=note.user)

    # What everybody knows

    @invariant()
    def those_who_are_here_know_what_they_may_see(self):
        if self.block is not None:
            return
        published, self.published[:] = list(self.published), []
        for client in self.here:
            for change in published:
                client.hear(change)
            client.check()

    @rule(user=st.integers(0, USERS))
    def come_back(self, user):
        if self.block is not None:
            return
        client = self.away[user]
        now = microseconds_now()
        # As of a position that is certain: what changed an overlap before it is told as well.
        found = list(changes_since(client.hears, client.since + reach().overlap))
        for change in telling.visible(found, users=client.hears):
            client.hear(change)
        client.since = now
        client.check()


@pytest.fixture
def run(monkeypatch, settings):
    """run(audience): the machine, for cards with this audience."""

    def running(audience, **options):
        machine = type("Machine", (Teams,), {"published": [], "by_rule": audience == RULE})
        monkeypatch.setattr(publisher, "publish", machine.published.extend)
        cards = {"model": "teams.Card", "audience": audience, "deleted_at": "archived_at"}
        cards["public"] = {"is_public": True}
        notes = {"model": "teams.Note", "deletions": True}
        settings.CABLE = {**settings.CABLE, "RESOURCES": {"cards": cards, "notes": notes}}
        run_state_machine_as_test(
            machine,
            settings=hypothesis(
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
                **({"max_examples": STEPS // 10, "phases": PHASES} | options),
            ),
        )

    return running


@pytest.mark.parametrize("audience", [PATHS, RULE], ids=["paths", "rule"])
def test_nobody_misses_anything_and_nobody_hears_what_they_may_not_see(run, audience):
    run(audience)


# The machine can fail

UNTIL_IT_FAILS = {"max_examples": 500, "phases": [Phase.generate]}


def test_with_deletions_switched_off_it_sees_losses(run, monkeypatch):
    monkeypatch.setattr(deletions, "announce_deletion", silence)
    with pytest.raises(AssertionError, match="loss"):
        run(PATHS, **UNTIL_IT_FAILS)


def silence(**_):
    """Of a signal."""


def test_with_the_check_after_reading_switched_off_it_sees_leaks(run, monkeypatch):
    monkeypatch.setattr(telling, "visible", lambda changes, using=None, users=None: changes)
    with pytest.raises(AssertionError, match="leak"):
        run(PATHS, **UNTIL_IT_FAILS)
