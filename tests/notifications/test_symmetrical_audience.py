"""Friends: a relation of a model to itself, of whose two rows Django tells by one signal."""

import pytest

from notifications.changes.history import changes_since, microseconds_now, reach
from notifications.changes.telling import visible
from notifications.models import Notice
from tests.strangers.models import Folder, Line, Page, Post, Reader

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = {"created_at": "", "updated_at": "changed_at"}


@pytest.fixture
def told(told, settings):
    """Of posts, and of pages, whose readers are those of the folders beside theirs."""
    settings.AUTH_USER_MODEL = "strangers.Reader"
    settings.CABLE = {
        "RESOURCES": {
            "posts": {"model": "strangers.Post", "audience": ["author", "author__friends"], **TIMES},
            "pages": {"model": "strangers.Page", "audience": "folder__beside__people", **TIMES},
        }
    }
    return told


class World:
    """Three readers, and something of each that the others see when they are related."""

    def __init__(self, kind):
        self.readers = [Reader.objects.create(name=name) for name in "abc"]
        self.ends = self.readers
        if kind == "pages":
            self.ends = [Folder.objects.create() for _ in "abc"]
            for folder, reader in zip(self.ends, self.readers, strict=True):
                folder.people.add(reader)
        make = {
            "posts": lambda end: Post.objects.create(author=end),
            "pages": lambda end: Page.objects.create(folder=end),
        }
        self.rows = [make[kind](end) for end in self.ends]
        self.name = {"posts": "friends", "pages": "beside"}[kind]

    def relation(self, number):
        return getattr(self.ends[number], self.name)

    def of(self, action, *pairs):
        """pairs: the row of one, and the reader of another."""
        return sorted((action, self.rows[row].pk, str(self.readers[reader].pk)) for row, reader in pairs)


def of_rows(world, told):
    """As World.of."""
    keys = {str(row.pk): row.pk for row in world.rows}
    return sorted((action, keys[str(pk)], user) for action, _, pk, user in told)


BOTH = [(0, 1), (1, 0)]
# name → (what is related before, the deed, what it is called, and whose row is got or lost by whom)
DEEDS = {
    "add": ([], lambda a, b, c: a.add(b.instance), "create", BOTH),
    "add two": (
        [],
        lambda a, b, c: a.add(b.instance, c.instance),
        "create",
        [*BOTH, (0, 2), (2, 0)],
    ),
    "set": ([], lambda a, b, c: b.set([a.instance]), "create", BOTH),
    "remove": ([(0, 1), (1, 2)], lambda a, b, c: a.remove(b.instance), "destroy", BOTH),
    "remove at the other end": ([(0, 1)], lambda a, b, c: b.remove(a.instance), "destroy", BOTH),
    "clear": (
        [(0, 1), (0, 2), (1, 2)],
        lambda a, b, c: a.clear(),
        "destroy",
        [*BOTH, (0, 2), (2, 0)],
    ),
    "empty": ([(0, 1)], lambda a, b, c: b.set([]), "destroy", BOTH),
    "add what is there": ([(0, 1)], lambda a, b, c: a.add(b.instance), "create", []),
}


@pytest.mark.parametrize("kind", ["posts", "pages"])
@pytest.mark.parametrize("deed", DEEDS)
def test_both_hear_of_what_they_get_and_lose(told, kind, deed):
    world = World(kind)
    before, do, action, pairs = DEEDS[deed]
    for near, far in before:
        world.relation(near).add(world.ends[far])
    told.clear()
    Notice.objects.all().delete()
    do(*map(world.relation, range(3)))
    assert of_rows(world, told) == world.of(action, *pairs)
    # No notice beside those of who was told.
    assert Notice.objects.count() == len(pairs)


def test_both_find_it_after_an_absence(told):
    world = World("posts")
    world.relation(0).add(world.ends[1])
    for reader, row in BOTH:
        position = microseconds_now() - 60_000_000 + reach().overlap
        found = visible(list(changes_since([str(world.readers[reader].pk)], position)))
        assert ("create", world.rows[row].pk) in [(each.action, each.pk) for each in found]


def test_rows_may_be_related_themselves(told, settings, alice, bob):
    settings.AUTH_USER_MODEL = "accounts.User"
    lines = {"model": "strangers.Line", "audience": "related__reader", **TIMES}
    settings.CABLE = {"RESOURCES": {"lines": lines}}
    one, other = Line.objects.create(reader=alice), Line.objects.create(reader=bob)
    one.related.add(other)
    assert sorted(told) == [("create", "lines", one.pk, bob.pk), ("create", "lines", other.pk, alice.pk)]
    told.clear()
    other.related.clear()
    assert sorted(told) == [("destroy", "lines", one.pk, bob.pk), ("destroy", "lines", other.pk, alice.pk)]
