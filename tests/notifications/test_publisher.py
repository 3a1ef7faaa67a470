"""What reaches Redis, and what of it nothing can stop; in this process, against a real Redis."""

import asyncio
import json
import logging
import threading
from contextlib import contextmanager
from uuid import uuid4

import pytest
from channels.layers import channel_layers
from django.test import override_settings
from django.utils import timezone
from redis import Redis

import notifications
from notifications.broker import publisher as publishing
from notifications.broker.direct import DirectSender
from notifications.broker.events import group_for_user
from notifications.broker.lane import Lane
from notifications.broker.layers import open_layer, shard_of
from notifications.broker.outgoing import USERS_PER_EVENT, shared_for
from notifications.broker.publisher import Publisher, publish
from notifications.ground.metrics import metrics
from notifications.wire.payloads import Alike, Change, create_change
from tests.support.redis import RedisServer
from tests.support.waiting import eventually

PUB_SUB = "channels_redis.pubsub.RedisPubSubChannelLayer"


@contextmanager
def layer_on(*urls, **config):
    layers = {"default": {"BACKEND": PUB_SUB, "CONFIG": {"hosts": list(urls), **config}}}
    with override_settings(CHANNEL_LAYERS=layers):
        yield


class Ear:
    """Hears everything that one Redis publishes, as the channel layer would read it."""

    def __init__(self, url):
        self._pubsub = Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe("*")
        self.events = []

    def hear(self, count):
        def enough():
            while message := self._pubsub.get_message(ignore_subscribe_messages=True, timeout=0.01):
                self.events.append(channel_layers["default"].deserialize(message["data"]))
            return len(self.events) >= count

        eventually(enough, 10, f"{count} events")
        return self.events

    def close(self):
        self._pubsub.close()


@pytest.fixture
def listen():
    ears = []

    def to(url):
        ears.append(Ear(url))
        return ears[-1]

    yield to
    for ear in ears:
        ear.close()


@pytest.fixture
def publisher(monkeypatch):
    """One that has sent nothing yet, in the place of the process's own."""
    found = Publisher()
    monkeypatch.setattr(publishing, "publisher", found)
    yield found
    found.close()


@pytest.fixture
def layer(new_redis):
    with layer_on(new_redis.url):
        yield new_redis


@pytest.fixture(params=["auto", "background"])
def mode(request, settings):
    settings.CABLE = settings.CABLE | {"PUBLISH": request.param}
    return request.param


@pytest.fixture
def attempts(monkeypatch):
    """The groups that were sent to in the calling thread."""
    seen = []
    send = DirectSender.send

    def counted(self, item, seconds):
        if threading.current_thread().name != "cable-close":
            seen.append(item.group)
        send(self, item, seconds)

    monkeypatch.setattr(DirectSender, "send", counted)
    return seen


def change_of(user_id, pk=1):
    return create_change("tasks", pk, user_id, timezone.now())


def keys_of(events):
    return [change[2] for event in events for change in event.get("changes", ())]


def user_of_shard(shard):
    return next(user for user in range(1, 100) if shard_of(group_for_user(user)) == shard)


# A7: what cannot be sent


def test_a7_a_disconnect_of_keys_that_are_no_text_stops_nothing(publisher, layer, listen, mode):
    ear, key = listen(layer.url), uuid4()
    notifications.disconnect(1, keys=[key])
    for pk in range(5):
        publish([change_of(1, pk)])
    disconnect, *changes = ear.hear(6)
    assert disconnect["keys"] == [str(key)]
    assert keys_of(changes) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("user_id", "keys"), [(None, None), (1, "token"), (1, b"token")])
def test_a7_a_disconnect_that_nobody_could_act_on_is_an_error_of_its_caller(publisher, layer, user_id, keys):
    with pytest.raises(TypeError):
        notifications.disconnect(user_id, keys=keys)
    assert publisher.flush(5)


def test_a7_a_user_stands_for_their_primary_key(publisher, layer, listen):
    class User:
        pk = 7

    ear = listen(layer.url)
    notifications.disconnect(User())
    assert ear.hear(1)[0]["user_id"] == 7


def test_a7_a_change_that_cannot_be_serialised_is_dropped_alone_and_counted(publisher, layer, listen, mode):
    ear, before = listen(layer.url), metrics.counts["drops:publish_error"]
    bad = Change("create", "tasks", object(), 1, 0, "{}")
    publish([bad, change_of(2)])
    assert keys_of(ear.hear(1)) == [1]
    assert metrics.counts["drops:publish_error"] == before + 1
    assert publisher.waiting == 0


def test_a7_an_event_that_redis_refuses_is_given_up_and_those_behind_it_go_on(
    publisher, new_redis, listen, mode
):
    with Redis.from_url(new_redis.url) as redis:
        rules = ["on", ">pw", "+@all", "~*", f"&asgi__group__{group_for_user(2)}"]
        redis.execute_command("ACL", "SETUSER", "limited", *rules)
    with layer_on(new_redis.url.replace("redis://", "redis://limited:pw@")):
        ear = listen(new_redis.url)
        publish([change_of(1, 1)])
        publish([change_of(2, 2)])
        assert keys_of(ear.hear(1)) == [2]
        assert not publisher.flush(5)  # one was dropped
        assert publisher.flush(5)
        publisher.close()


@pytest.fixture
def shards():
    servers = [RedisServer(), RedisServer()]
    with layer_on(*(server.url for server in servers)):
        yield servers
    for server in servers:
        server.stop()


def test_a7_a_dead_shard_holds_up_no_other_and_gets_its_own_in_order(publisher, shards, listen, mode):
    dead, alive = user_of_shard(0), user_of_shard(1)
    shards[0].kill()
    ear = listen(shards[1].url)
    for pk in range(5):
        publish([change_of(dead, pk)])
        publish([change_of(alive, pk)])
    assert keys_of(ear.hear(5)) == [0, 1, 2, 3, 4]
    assert publisher.waiting == 5
    shards[0].start()
    assert publisher.flush(10)


def test_a7_a_full_lane_of_a_dead_shard_takes_no_room_from_the_others(publisher, shards, listen, settings):
    settings.CABLE = settings.CABLE | {"PUBLISH_QUEUE": 3}
    dead, alive = user_of_shard(0), user_of_shard(1)
    shards[0].kill()
    ear = listen(shards[1].url)
    for pk in range(10):
        publish([change_of(dead, pk)])
    publish([change_of(alive, 1), change_of(alive, 2)])
    assert keys_of(ear.hear(1)) == [1, 2]
    assert publisher.waiting == 3


# A11: at once, in processes without a hub


@pytest.mark.parametrize(
    "config",
    [{}, {"prefix": "other"}, {"symmetric_encryption_keys": ["a secret"]}, {"serializer_format": "json"}],
)
async def test_a11_what_is_sent_at_once_is_what_the_layer_reads(publisher, shards, config, attempts):
    users = [user_of_shard(0), user_of_shard(1)]
    with layer_on(*(server.url for server in shards), **config):
        layer = open_layer()
        channel = await layer.new_channel()
        for user in users:
            await layer.group_add(group_for_user(user), channel)
        await asyncio.to_thread(publish, [change_of(user) for user in users])
        async with asyncio.timeout(10):
            heard = [await layer.receive(channel) for _ in users]
        await layer.close()
    assert sorted(event["changes"][0][3] for event in heard) == sorted(users)
    assert len(attempts) == 2


def test_a11_a_frozen_redis_costs_its_deadline_once_and_nothing_until_it_is_back(
    publisher, layer, listen, attempts
):
    publish([change_of(1, 0)])
    ear = listen(layer.url)
    layer.freeze()
    for pk in range(1, 20):
        publish([change_of(1, pk)])
    assert len(attempts) == 2  # one that arrived, one that ran into the deadline
    layer.thaw()
    assert publisher.flush(10)
    publish([change_of(1, 20)])
    assert len(attempts) == 3
    heard = list(dict.fromkeys(keys_of(ear.hear(20))))
    assert [pk for pk in heard if pk] == list(range(1, 21))


def test_a11_a_connection_that_redis_closed_meanwhile_is_made_anew(publisher, layer, listen, attempts):
    publish([change_of(1, 0)])
    layer.kill()
    layer.start()
    ear = listen(layer.url)
    publish([change_of(1, 1)])
    assert publisher.waiting == 0
    assert keys_of(ear.hear(1)) == [1]


async def test_a11_on_a_thread_that_runs_a_loop_nothing_is_sent_at_once(publisher, layer, listen, attempts):
    ear = await asyncio.to_thread(listen, layer.url)
    publish([change_of(1)])
    assert keys_of(await asyncio.to_thread(ear.hear, 1)) == [1]
    assert attempts == []
    with pytest.raises(RuntimeError, match="to_thread"):
        notifications.flush()
    assert await asyncio.to_thread(notifications.flush)


def test_a11_many_threads_send_at_once(publisher, layer, listen):
    ear = listen(layer.url)
    threads = [threading.Thread(target=publish, args=([change_of(user)],)) for user in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {event["changes"][0][3] for event in ear.hear(20)} == set(range(20))


def test_a11_what_is_raised_in_the_midst_of_a_send_leaves_nothing_locked(
    publisher, layer, listen, monkeypatch
):
    """As the handler of a signal does, which ends a job for its time."""

    class TimeIsUp(BaseException):
        pass

    publish([change_of(1, 0)])
    ear = listen(layer.url)
    own = publisher._own._direct
    with monkeypatch.context() as patch:
        patch.setattr(own._layer, "group_send", _raising(TimeIsUp))
        with pytest.raises(TimeIsUp):
            publish([change_of(1, 1)])
    publish([change_of(1, 2)])
    assert keys_of(ear.hear(1)) == [2]


def _raising(exception):
    async def fail(*_):
        raise exception

    return fail


def test_flush_says_whether_everything_was_sent(publisher, layer, settings):
    settings.CABLE = settings.CABLE | {"PUBLISH_QUEUE": 1}
    layer.kill()
    publish([change_of(1)])
    assert not notifications.flush(0)
    publish([change_of(1)])  # dropped: the queue is full
    layer.start()
    assert not notifications.flush(10)
    assert notifications.flush(10)


def test_an_absence_of_redis_is_said_once_and_its_return_once(publisher, layer, mode, caplog):
    caplog.set_level(logging.WARNING)
    before = metrics.counts["publish_failures"]
    layer.kill()
    for _ in range(10):
        publish([change_of(1)])
    eventually(lambda: metrics.counts["publish_failures"] >= before + 5, 10, "five failures")
    layer.start()
    assert publisher.flush(10)
    said = [record.getMessage() for record in caplog.records if record.name == "notifications.broker.lane"]
    assert [text.split(",")[0].split(":")[0] for text in said] == ["cannot publish", "publishes again"]


# A change for many


def test_a_change_for_a_hundred_thousand_waits_in_bounded_events_and_none_is_dropped():
    """Each of its users counted as a change would fill the queue after two events."""
    change = create_change("cards", 7, "", timezone.now())
    items = shared_for(Alike(change, range(100_000)), "")
    lane = Lane(0)
    for item in items:
        lane.put(item)
    assert len(lane) == 100_000 // USERS_PER_EVENT
    assert (lane.weight, lane.dropped) == (100_000, 0)
    assert max(len(json.dumps(item.event)) for item in items) < 2**16
    for _ in range(100):
        for item in items:
            lane.put(item)
    assert lane.weight + lane.dropped == 101 * 100_000
    assert len(lane) <= 100


def test_a_change_for_many_is_made_for_none_of_them(monkeypatch):
    made = []
    monkeypatch.setattr(Change, "_replace", lambda change, **_: made.append(1) or change)
    publish(Alike(create_change("cards", 7, "", timezone.now()), range(5_000)))
    assert len(made) <= 1
