"""
Models as other people have them. The tables are there in test runs alone (tests/settings.py). After a change:

    rm -r tests/strangers/migrations; manage.py makemigrations strangers --settings tests.settings
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from notifications.querysets import AnnouncedQuerySet

USER = settings.AUTH_USER_MODEL


class Owned(models.Model):
    reader = models.ForeignKey(USER, on_delete=models.CASCADE, null=True, related_name="+")
    title = models.CharField(max_length=100, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Timed(Owned):
    added_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta(Owned.Meta):
        abstract = True


class Tag(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Shelf(models.Model):
    def __str__(self) -> str:
        return str(self.pk)


class Book(Timed):
    shelf = models.ForeignKey(Shelf, on_delete=models.SET_NULL, null=True, related_name="books")
    tags = models.ManyToManyField(Tag, related_name="books")


class Paperback(Book):
    class Meta:
        proxy = True


class Vehicle(Timed):
    pass


class Car(Vehicle):
    doors = models.IntegerField(default=4)


class Line(Timed):
    """Its bulk changes are announced."""

    tags = models.ManyToManyField(Tag, related_name="lines")
    related = models.ManyToManyField("self")

    objects = AnnouncedQuerySet.as_manager()


class Share(models.Model):
    """Of a row of any model, with a user."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.BigIntegerField()
    row = GenericForeignKey()
    user = models.ForeignKey(USER, on_delete=models.CASCADE, related_name="+")

    class Meta:
        indexes = (models.Index(fields=["content_type", "object_id"]),)

    def __str__(self) -> str:
        return str(self.pk)


class Entry(Timed):
    """Soft delete by a column; and its bulk changes are announced."""

    code = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001 several have none
    archived_at = models.DateTimeField(null=True)
    shares = GenericRelation(Share, related_query_name="entries")

    objects = AnnouncedQuerySet.as_manager()


class Place(Timed):
    """Its key is a text, and may be long."""

    path = models.CharField(max_length=500, primary_key=True)


class Present(models.Manager):  # type: ignore[type-arg]
    def get_queryset(self) -> "models.QuerySet[Archived]":
        return super().get_queryset().filter(removed=False)


class Archived(Timed):
    """Soft delete by the default manager."""

    removed = models.BooleanField(default=False)

    objects = Present()


class Seat(Timed):
    pk = models.CompositePrimaryKey("room", "number")
    room = models.IntegerField()
    number = models.UUIDField()


class Note(Owned):
    """Its time moves when somebody moves it."""

    added_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)


class Draft(Owned):
    added_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)


class Bare(Owned):
    """Without any time."""


class Dated(Owned):
    day = models.DateField(auto_now=True)
    text = models.CharField(max_length=30)


class Profile(models.Model):
    user = models.OneToOneField(USER, on_delete=models.CASCADE, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.user_id)


class Person(models.Model):
    """A user model, where a test says so."""

    email = models.EmailField(unique=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.email


class Employee(Person):
    pass


class Letter(models.Model):
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="+")
    by_email = models.ForeignKey(Person, on_delete=models.CASCADE, to_field="email", related_name="+")
    name = models.CharField(max_length=30)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return str(self.pk)


class Loan(models.Model):
    """Two users hear of it, by two names."""

    lender = models.ForeignKey(USER, on_delete=models.CASCADE, related_name="+")
    borrower = models.ForeignKey(USER, on_delete=models.CASCADE, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.pk)


class Reader(models.Model):
    """A user model with a UUID, where a test says so."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=20)
    friends = models.ManyToManyField("self")

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """Whoever is a friend of its author may see it."""

    author = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="+")
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return str(self.pk)


class Folder(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    people = models.ManyToManyField(Reader, related_name="folders")
    beside = models.ManyToManyField("self")

    def __str__(self) -> str:
        return str(self.pk)


class Page(models.Model):
    """Whoever may see its folder may see it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="pages")
    added_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return str(self.pk)


class Comment(models.Model):
    """As a page; by a longer way, every step of which goes with the folder."""

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="comments")
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        return str(self.pk)


class Stamp(models.Model):
    """A page that has one is not deleted: by what refuses it."""

    protects = models.ForeignKey(Page, on_delete=models.PROTECT, null=True, related_name="+")
    restricts = models.ForeignKey(Page, on_delete=models.RESTRICT, null=True, related_name="+")
    points_at = models.ForeignKey(Page, on_delete=models.DO_NOTHING, null=True, related_name="+")

    def __str__(self) -> str:
        return str(self.pk)
