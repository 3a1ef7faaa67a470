"""
By what plan the database finds what changed for users with an audience: the tables may be long, and what
changed lately is short. With LESSY_FAULTS=full (make faults) as long as was promised.
"""

import itertools
import os
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from lessy.accounts.models import User
from notifications.changes import history
from notifications.changes.resources import resources
from tests.teams.models import Board, Card, Membership, Team

pytestmark = pytest.mark.django_db(transaction=True)

CARDS, USERS = (1_000_000, 10_000) if os.environ.get("LESSY_FAULTS") == "full" else (20_000, 1_000)
TEAMS = CARDS // 100
# Of each user.
MEMBERSHIPS = 3
PORTION = 10_000
# The cards that changed within the last minutes; the others are as many days old as there are portions.
LATELY = 100


@pytest.fixture
def users(told):
    now = timezone.now()
    names = ("".join(each) for each in itertools.product("abcdefghij", repeat=5))
    User.objects.bulk_create(
        User(username=name, email=f"{name}@example.com") for name in itertools.islice(names, USERS)
    )
    users = list(User.objects.order_by("pk").values_list("pk", flat=True))
    teams = Team.objects.bulk_create(Team(name=str(number)) for number in range(TEAMS))
    boards = Board.objects.bulk_create(Board(team=team) for team in teams)
    of = (teams[number * 7 % TEAMS] for number in range(USERS * MEMBERSHIPS))
    Membership.objects.bulk_create(
        Membership(user_id=users[n % USERS], team=team) for n, team in enumerate(of)
    )
    for first in range(0, CARDS, PORTION):
        Card.objects.bulk_create(Card(board=boards[n % TEAMS]) for n in range(first, first + PORTION))
        oldest = Card.objects.order_by("-pk").values_list("pk", flat=True)[PORTION - 1]
        age = timedelta(days=1 + first // PORTION)
        Card.objects.filter(pk__gte=oldest).update(updated_at=now - age, created_at=now - age)
    lately = list(Card.objects.values_list("pk", flat=True)[:: CARDS // LATELY])
    Card.objects.filter(pk__in=lately).update(updated_at=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return users


def plan(users, since):
    """Of the first page of a pass, or of a replay."""
    [cards] = [each for each in resources().values() if each.name == "cards"]
    found = history._of_users(cards, history._changed(cards, since), users)
    return found.order_by("updated_at", "pk", "cable_reader")[: history.PAGE].explain()


def test_a_pass_and_a_replay_read_what_changed_and_not_the_table(users):
    """By the time of change, or by way of the user: never each card to see whether it is theirs."""
    minutes = timezone.now() - timedelta(minutes=5)
    for some in (users, users[:500], users[:1]):
        text = plan(some, minutes)
        assert not re.search(r"Seq Scan on teams_card\b|SCAN teams_card(?! USING)", text), text
        assert "teams_card_" in text, text
