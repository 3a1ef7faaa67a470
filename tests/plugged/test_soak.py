"""
Load and faults on cable_serve in a third-party project: a short form of what tests/end_to_end does with
Lessy's models, here with other models, the wheel, and sessions.
"""

import asyncio
import json
import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.plugged.followers import Follower
from tests.plugged.installation import CABLE_SERVE, Library
from tests.support.raw import RawSocket, frame
from tests.support.waiting import eventually

CROWD = 120
BOOKS = 5
CABLE = json.dumps(
    {"MAX_SOCKETS_PER_USER": 10 * CROWD, "RECONCILE_INTERVAL": 1, "SERVER": {"MESSAGE_SECONDS": 1}}
)
# More than the kernel's socket buffers hold for a client that does not read.
FLOOD = """
import time
from sync_cable.broker.publisher import publish, publisher
from sync_cable.wire.payloads import Change
user = User.objects.get(username="alice").pk
for number in range(600):
    payload = json.dumps({"action": "update#books", "id": str(number), "padding": "x" * 20_000})
    publish([Change("update", "books", str(number), user, -int(time.time() * 1e6), payload)])
    time.sleep(0.002)
result = publisher.flush(20)
"""


@pytest.fixture
def faulty_library(tmp_path, installed_cable, new_redis):
    """With its own Redis, which the test may kill."""
    found = Library(tmp_path, installed_cable, new_redis)
    yield found
    found.close()


@pytest.fixture
def shell(library):
    with library.shell() as found:
        yield found


def serve(library):
    return library.serve(CABLE_SERVE, PLUGGED_CABLE=CABLE)


class Writer:
    """Saves Alice's books. saved: the last version of each."""

    def __init__(self, shell):
        self._shell = shell
        reader = "reader=User.objects.get(username='alice')"
        self._books = [shell(f"str(Book.objects.create({reader}).pk)") for _ in range(BOOKS)]
        self.saved = dict.fromkeys(self._books, 0)

    def save_all(self):
        for book in self._books:
            save = f"book = Book.objects.get(pk={book!r}); book.save()"
            self.saved[book] = self._shell(f"{save}; result = int(book.changed_at.timestamp())")

    async def save_for(self, seconds, condition=lambda: True):
        """Saves all books repeatedly, at least once, for `seconds` and until the condition holds."""
        end = time.monotonic() + seconds
        await asyncio.to_thread(self.save_all)
        while time.monotonic() < end or not condition():
            assert time.monotonic() < end + 60, "the condition did not come true"
            await asyncio.to_thread(self.save_all)


@asynccontextmanager
async def following(followers):
    tasks = [asyncio.create_task(each.run()) for each in followers]
    try:
        await until(lambda: all(each.confirmed for each in followers), "the subscriptions")
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(look, what):
    await asyncio.to_thread(eventually, look, 60, what)


async def all_have_everything(followers, writer):
    await until(
        lambda: all(each.has(*item) for each in followers for item in writer.saved.items()),
        "the last version of every book, at every client",
    )


async def test_17_a_crowd_hears_and_whoever_is_in_its_way_goes_alone(library, alices, shell):
    server = serve(library)
    writer = Writer(shell)
    crowd = [Follower([server], alices) for _ in range(CROWD)]
    cookie = f"Cookie: sessionid={alices}"
    async with following(crowd), AsyncExitStack() as ends:
        stalled = RawSocket(server.port, receive_buffer=4096).upgrade("", cookie)
        ends.callback(stalled.close)
        stalled.send(
            frame('{"command":"subscribe","identifier":"{\\"channel\\":\\"NotificationsChannel\\"}"}')
        )
        await asyncio.to_thread(stalled.hear, b"confirm_subscription")
        unfinished = RawSocket(server.port).upgrade("", cookie)
        ends.callback(unfinished.close)
        unfinished.send(b"\x81\xfe\x10\x00\0\0\0\0{")
        half = RawSocket(server.port)
        ends.callback(half.close)
        half.send(b"POST /in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
        await asyncio.to_thread(shell, FLOOD)
        await until(lambda: "over the limit of outbox" in server.child.log, "the end of who does not read")
        await until(lambda: not unfinished.connected, "the end of a message that never ends")
        await writer.save_for(0)
        await all_have_everything(crowd, writer)
        assert all(each.said == [] for each in crowd)
    assert server.child.stop() == 0


async def test_17_with_a_second_process_standing_by_a_drain_loses_nothing(library, alices, shell):
    draining, other = serve(library), serve(library)
    writer = Writer(shell)
    followers = [Follower([draining, other], alices) for _ in range(20)]
    async with following(followers):
        await writer.save_for(0)
        draining.child.signal(signal.SIGTERM)
        await writer.save_for(1, lambda: not draining.child.running and all(f.confirmed for f in followers))
        await all_have_everything(followers, writer)
    assert all(each.said == ["server_restart"] for each in followers)
    assert draining.child.process.returncode == 0


async def test_17_killed_servers_and_a_dying_redis_lose_nothing(faulty_library, new_redis):
    dying, surviving = serve(faulty_library), serve(faulty_library)
    alices = faulty_library.session_of("alice")
    followers = [Follower(order, alices) for order in [(dying, surviving), (surviving, dying)] * 10]
    with faulty_library.shell() as shell:
        writer = Writer(shell)
        async with following(followers):
            await writer.save_for(0)
            dying.child.kill()
            await writer.save_for(1, lambda: all(each.confirmed for each in followers))
            new_redis.kill()
            await writer.save_for(2)
            # While Redis is down, passes over the tables deliver the changes.
            await all_have_everything(followers, writer)
            new_redis.start()
            await writer.save_for(1, lambda: surviving.get("/health/ready").status_code == 200)
            await all_have_everything(followers, writer)
    assert surviving.child.stop() == 0
