"""Many-to-many relations that are named: their changes are changes of the row."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.utils import timezone

from notifications.wire.payloads import microseconds
from tests.strangers.models import Line, Tag
from tests.strangers.told import found_again, named, updated_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines(alice, announce, heard):
    """Two of an hour ago, each with the tag "t"."""
    announce(config={"relations": ["tags"]}, lines=Line)
    made = [Line.objects.create(reader=alice) for _ in range(2)]
    Tag.objects.create(name="u")
    Tag.objects.create(name="t").lines.set(made)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Line.objects.update(changed_at=an_hour_ago, added_at=an_hour_ago)
    heard()
    return made


def t():
    return Tag.objects.get(name="t")


def u():
    return Tag.objects.get(name="u")


# name → the deed, and the lines that it changes
DEEDS = {
    "add": (lambda lines: lines[0].tags.add(u()), [0]),
    "remove": (lambda lines: lines[0].tags.remove(t()), [0]),
    "set": (lambda lines: lines[1].tags.set([u()]), [1]),
    "clear": (lambda lines: lines[1].tags.clear(), [1]),
    "create": (lambda lines: lines[1].tags.create(name="v"), [1]),
    "add at the other end": (lambda lines: u().lines.add(*lines), [0, 1]),
    "remove at the other end": (lambda lines: t().lines.remove(lines[1]), [1]),
    "clear at the other end": (lambda lines: t().lines.clear(), [0, 1]),
    "add what is there": (lambda lines: lines[0].tags.add(t()), []),
}


@pytest.mark.parametrize("kind", DEEDS)
def test_a_change_of_a_relation_is_told_and_found_again(alice, lines, heard, kind):
    since = microseconds(timezone.now())
    deed, changed = DEEDS[kind]
    deed(lines)
    wanted = [("update", "lines", lines[index].pk) for index in changed]
    told = heard()
    assert sorted({*named(told)}) == wanted
    assert sorted(found_again(alice, since)) == wanted
    for change in told:
        assert updated_at(change) >= since // 1_000_000


SYMMETRICAL = {
    "add": lambda line, other: line.related.add(other),
    "set": lambda line, other: line.related.set([other]),
    "add and remove": lambda line, other: (line.related.add(other), line.related.remove(other)),
    "remove": lambda line, other: other.related.remove(line),
    "clear": lambda line, other: line.related.clear(),
    "clear at the other end": lambda line, other: other.related.clear(),
}


@pytest.mark.parametrize("kind", SYMMETRICAL)
def test_a_symmetrical_relation_changes_the_rows_at_both_ends(alice, announce, lines, heard, kind):
    """Django sends one signal for both."""
    announce(config={"relations": ["related"]}, lines=Line)
    if "add" not in kind and kind != "set":
        lines[0].related.add(lines[1])
        Line.objects.update(changed_at=timezone.now() - timedelta(hours=1))
        heard()
    since = microseconds(timezone.now())
    SYMMETRICAL[kind](*lines)
    wanted = [("update", "lines", line.pk) for line in lines]
    assert sorted({*named(heard())}) == wanted
    assert sorted(found_again(alice, since)) == wanted


def test_a_row_ahead_of_the_clock_stays_there_and_clients_refetch(lines, heard):
    ahead = timezone.now() + timedelta(minutes=1)
    Line.objects.update(changed_at=ahead)
    heard()
    lines[0].tags.clear()
    [told] = heard()
    assert updated_at(told) > int(ahead.timestamp())
    assert Line.objects.get(pk=lines[0].pk).changed_at == ahead


def test_the_relation_may_be_held_by_the_other_model(alice, lines, settings, heard):
    settings.CABLE = {
        "RESOURCES": {
            "tags": {
                "model": "strangers.Tag",
                "owner": "id",
                "created_at": "",
                "updated_at": "",
                "relations": ["lines"],
            }
        }
    }
    lines[0].tags.add(u())
    assert named(heard()) == [("update", "tags", u().pk)]


def test_what_is_no_such_relation_is_refused(settings):
    for names in (["reader"], ["nope"], "tags"):
        columns = {"owner": "reader", "created_at": "", "updated_at": "changed_at", "relations": names}
        settings.CABLE = {"RESOURCES": {"lines": {"model": "strangers.Line", **columns}}}
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}
        assert [error.id for error in run_checks(tags=["sync_cable"])] == ["sync_cable.E001"]
