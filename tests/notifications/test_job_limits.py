"""A job whose time is over hears it after what it saved is published: once, and not instead of it."""

import signal
import threading
from contextlib import contextmanager
from itertools import takewhile

import pytest
from django.db import connection, transaction
from redis import Redis
from rest_framework.authtoken.models import Token

import notifications
from notifications.broker import publisher as publishing
from notifications.broker.direct import DirectSender
from notifications.broker.publisher import Publisher
from notifications.ground.job_limits import job_limits_wait
from tasks.models import Task
from tests.strangers.models import Book
from tests.support.redis import RedisServer

# rq's and Celery's are such.
LIMITS = [signal.SIGALRM, signal.SIGUSR1]
LAYER = "RedisPubSubChannelLayer"


class TimeIsOver(Exception):
    pass


@pytest.fixture(params=LIMITS)
def limited(request):
    """A signal whose handler raises."""

    def end(number, frame):
        raise TimeIsOver

    before = signal.signal(request.param, end)
    yield request.param
    signal.signal(request.param, before)


@pytest.fixture(scope="module")
def own_redis():
    """The servers of other tests publish their canaries to the shared one."""
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def events(own_redis, limited, monkeypatch, settings, transactional_db, alice):
    """events(): how many were sent since it was last asked. The job's time is over in the midst of each."""
    found, over = Publisher(), []
    send = DirectSender._send

    async def sent_too_late(self, item, seconds):
        await send(self, item, seconds)
        for number in over:
            signal.raise_signal(number)

    monkeypatch.setattr(DirectSender, "_send", sent_too_late)
    monkeypatch.setattr(publishing, "publisher", found)
    redis = Redis.from_url(own_redis.url)
    pubsub = redis.pubsub()
    pubsub.psubscribe("*")

    def events():
        redis.publish("the end", "of what was sent before")
        messages = iter(lambda: pubsub.get_message(timeout=10), None)
        heard = takewhile(lambda message: message["channel"] != b"the end", messages)
        return len([message for message in heard if message["type"] == "pmessage"])

    layer = {"BACKEND": f"channels_redis.pubsub.{LAYER}", "CONFIG": {"hosts": [own_redis.url]}}
    # Not override_settings(): what a test sets by the fixture would end later, and bring this back.
    settings.CHANNEL_LAYERS = {"default": layer}
    # An event that fails on a connection that was open is sent once more.
    Task.objects.create(user=alice)
    assert events() == 1
    over.append(limited)
    yield events
    found.close()
    pubsub.close()


@contextmanager
def told_once(events):
    """The limit leaves the block, within which one event is sent."""
    with pytest.raises(TimeIsOver):
        yield
    assert events() == 1


def test_a_save_is_told_once_and_then_the_job_ends(alice, events):
    with told_once(events):
        Task.objects.create(user=alice)
    assert Task.objects.count() == 2


def test_a_save_without_a_transaction_is_told_once_and_then_the_job_ends(settings, alice, events):
    books = {
        "model": "strangers.Book",
        "owner": "reader",
        "created_at": "added_at",
        "updated_at": "changed_at",
    }
    settings.CABLE = settings.CABLE | {"RESOURCES": {"books": books}}
    with told_once(events):
        Book.objects.create(reader=alice)
    assert Book.objects.count() == 1


def test_a_commit_is_told_once_and_the_hooks_of_others_run_before_the_job_ends(alice, events):
    ran = []
    with told_once(events), transaction.atomic():
        Task.objects.create(user=alice)
        transaction.on_commit(lambda: ran.append(True))
    assert (Task.objects.count(), ran, connection.get_autocommit()) == (2, [True], True)


def test_a_commit_by_hand_is_told_once_and_then_the_job_ends(alice, events):
    with told_once(events):
        transaction.set_autocommit(False)
        try:
            Task.objects.create(user=alice)
            transaction.commit()
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)
    assert Task.objects.count() == 2


@pytest.mark.parametrize("tell", ["notify", "disconnect"])
def test_what_is_told_by_hand_is_told_once(alice, events, tell):
    with told_once(events):
        if tell == "notify":
            notifications.notify(Task.objects.all())
        else:
            notifications.disconnect(alice)


def test_the_end_of_a_token_is_told_once(settings, alice, events):
    settings.CABLE = settings.CABLE | {"AUTHENTICATOR": "notifications.handshake.drf.TokenAuthenticator"}
    token = Token.objects.create(user=alice)
    with told_once(events):
        token.delete()


# By itself


@contextmanager
def raised_at_the_end():
    with pytest.raises(TimeIsOver), job_limits_wait():
        yield


def test_what_comes_within_waits_for_the_outermost_end_and_comes_once(limited):
    done = []
    with raised_at_the_end():
        with job_limits_wait():
            signal.raise_signal(limited)
            signal.raise_signal(limited)
        done.append("inner")
    assert done == ["inner"]


def test_a_signal_that_another_thread_gets_waits_as_well(limited):
    """As one to the process may."""
    done = []
    with raised_at_the_end():
        thread = threading.Thread(target=lambda: signal.raise_signal(limited))
        thread.start()
        thread.join()
        done.append(True)
    assert done == [True]


def test_the_handler_is_back_whatever_another_one_raises(limited, monkeypatch):
    """Python calls the handler of a signal that has come at the next signal.signal()."""
    handler, change = signal.getsignal(limited), signal.signal
    raised = iter([None, KeyboardInterrupt])

    def interrupted(number, new):
        if number == limited and (error := next(raised, None)):
            raise error
        return change(number, new)

    monkeypatch.setattr(signal, "signal", interrupted)
    with pytest.raises(KeyboardInterrupt), job_limits_wait():
        pass
    assert signal.getsignal(limited) is handler


def test_nothing_waits_on_another_thread_or_beside_a_hub(limited):
    handler, seen = signal.getsignal(limited), []

    def look():
        with job_limits_wait():
            seen.append(signal.getsignal(limited))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    found = Publisher()
    found._own._has_hub, found._own._loop = True, _Running()
    with found.uninterrupted():
        seen.append(signal.getsignal(limited))
    assert seen == [handler, handler]


class _Running:
    def is_closed(self):
        return False
