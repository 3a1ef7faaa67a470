"""Rows that several users may see, by way of what they belong to; and rows that are deleted."""

from django.conf import settings
from django.db import models


class Team(models.Model):
    name = models.CharField(max_length=50)
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")

    def __str__(self):
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    since = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.user_id} in {self.team_id}"


class Guest(Membership):
    """The same rows by another name."""

    class Meta:
        proxy = True


class Trial(Membership):
    """A membership, and more: a table of its own, joined to it."""

    until = models.DateTimeField(null=True)


class Board(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, null=True, related_name="boards")
    followers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="followed_boards")
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self):
        return str(self.pk)


class Visible(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(archived_at=None)


class Card(models.Model):
    """The default manager hides what is archived."""

    board = models.ForeignKey(Board, models.CASCADE, related_name="cards")
    title = models.CharField(max_length=50, default="")
    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="watched_cards")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    archived_at = models.DateTimeField(null=True)
    is_public = models.BooleanField(default=False)

    objects = Visible()

    def __str__(self):
        return self.title


class Pin(Card):
    """The same rows by another name."""

    class Meta:
        proxy = True


class Picture(Card):
    """A card, and more."""

    path = models.CharField(max_length=50, default="")


class Note(models.Model):
    """Of one user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notes")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self):
        return str(self.pk)


class CardRule:
    """By hand, what paths say: members of the team, followers of the board, watchers."""

    def users(self, rows):
        for row in rows.select_related("board"):
            members = Membership.objects.filter(team=row.board.team_id).values_list("user_id", flat=True)
            others = [*row.watchers.all(), *row.board.followers.all()]
            for user in {*members, *(other.pk for other in others)}:
                yield row.pk, user

    def rows(self, rows, users):
        member = models.Q(board__team__memberships__user__in=users)
        return rows.filter(member | models.Q(watchers__in=users) | models.Q(board__followers__in=users))
