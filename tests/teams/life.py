"""
Whatever may happen to teams, boards and cards, at random; and who may see what afterwards. It runs in the
shell of a site (tests/support/shell.py), which is none of its servers.
"""

import random
import time

from django.db import transaction
from django.utils import timezone

from tests.teams.models import Board, Card, Membership, Team

TEAMS = 4
CARDS = 30


class Undone(Exception):
    pass


class Life:
    """users: their primary keys."""

    def __init__(self, users, seed):
        self._users = users
        self._random = random.Random(seed)
        for _ in range(TEAMS):
            self._found()

    def live(self, steps):
        """
        Each in a transaction or without, some of which are rolled back. Returns for each step: when it began
        and had ended, in seconds since the epoch; and who saw which cards then, by pairs.
        """
        return [self._step() for _ in range(steps)]

    def sights(self):
        """(user, card, updated_at of the card in seconds since the epoch) of all who see one."""
        cards = Card.objects.all()
        ways = ("board__team__memberships__user", "board__followers", "watchers")
        found = {each for way in ways for each in cards.values_list(way, "pk", "updated_at")}
        return [(user, card, at.timestamp()) for user, card, at in found if user is not None]

    def _step(self):
        began = time.time()
        action = self._random.choice(ACTIONS)
        if self._random.random() < 0.3:
            action(self)
        else:
            try:
                with transaction.atomic():
                    action(self)
                    self._random.choice(ACTIONS)(self)
                    if self._random.random() < 0.1:
                        raise Undone
            except Undone:
                pass
        return began, time.time(), [(user, card) for user, card, _ in self.sights()]

    def _one(self, model):
        rows = list(model._base_manager.order_by("pk").values_list("pk", flat=True))
        return model._base_manager.get(pk=self._random.choice(rows)) if rows else None

    def _user(self):
        return self._random.choice(self._users)

    # What happens

    def _found(self):
        team = Team.objects.create(name="red")
        Board.objects.create(team=team)
        team.people.add(self._user())

    def _join(self):
        if team := self._one(Team):
            Membership.objects.create(team=team, user_id=self._user())

    def _leave(self):
        if membership := self._one(Membership):
            membership.delete()

    def _change_members(self):
        if team := self._one(Team):
            team.people.set([self._user(), self._user()])

    def _follow(self):
        if board := self._one(Board):
            (self._random.choice([board.followers.add, board.followers.remove]))(self._user())

    def _watch(self):
        if card := self._one(Card):
            (self._random.choice([card.watchers.add, card.watchers.remove]))(self._user())

    def _write(self):
        if (board := self._one(Board)) and Card._base_manager.count() < CARDS:
            Card.objects.create(board=board)

    def _change(self):
        if card := self._one(Card):
            card.save()

    def _move(self):
        if (card := self._one(Card)) and (board := self._one(Board)):
            card.board = board
            card.save()

    def _archive(self):
        if card := self._one(Card):
            card.archived_at = None if card.archived_at else timezone.now()
            card.save()

    def _delete(self):
        if card := self._one(Card):
            card.delete()

    def _end_a_team(self):
        if team := self._one(Team):
            team.delete()
        self._found()

    def _delete_all_of_a_board(self):
        if board := self._one(Board):
            Card._base_manager.filter(board=board).delete()


# Writing and changing oftener, as in life.
ACTIONS = [
    *[Life._write, Life._change] * 5,
    *[Life._join, Life._leave, Life._change_members, Life._follow, Life._watch, Life._move] * 2,
    *[Life._archive, Life._delete, Life._end_a_team, Life._delete_all_of_a_board],
]
