import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import AppConfig


class HooksConfig(AppConfig):
    name = "tests.support.hooks"

    def ready(self) -> None:
        globals()[os.environ["LESSY_TEST_HOOK"]]()


def held_history() -> None:
    """Every replay blocks while LESSY_TEST_FOLDER has a file "hold", and creates a file "held-…" there."""
    from notifications.hub import commands

    folder = Path(os.environ["LESSY_TEST_FOLDER"])
    read = commands.changes_since

    def hold(*args: Any, **options: Any) -> Any:
        held = folder / f"held-{threading.get_ident()}"
        while (folder / "hold").exists():
            held.touch()
            threading.Event().wait(0.02)
        held.unlink(missing_ok=True)
        return read(*args, **options)

    commands.changes_since = hold  # type: ignore[assignment]


def failing_authentication() -> None:
    from lessy.accounts.cable import TokenAuthenticator

    def fail(self: Any, handshakes: Any) -> Any:
        raise RuntimeError("as a database would that is away")

    TokenAuthenticator.authenticate = fail  # type: ignore[method-assign]


def slow_authentication() -> None:
    """Every handshake takes almost as long as the timeout of a batch allows (AUTHENTICATION_TIMEOUT, 4 s)."""
    from lessy.accounts.cable import TokenAuthenticator

    authenticate = TokenAuthenticator.authenticate

    def slowly(self: Any, handshakes: Any) -> Any:
        threading.Event().wait(3)
        return authenticate(self, handshakes)

    TokenAuthenticator.authenticate = slowly  # type: ignore[method-assign]


def failing_join() -> None:
    """The first join of a stream raises, as faulty code of a channel would."""
    from notifications.broker.broker import Broker

    join = Broker.join

    async def fail_once(self: Any, group: str) -> None:
        Broker.join = join  # type: ignore[method-assign]
        raise RuntimeError("as code that fails while subscribing")

    Broker.join = fail_once  # type: ignore[method-assign]


def die_before_publishing() -> None:
    """Ends the process between commit and publish, as kill -9 would."""
    from notifications.broker import publisher

    publisher.publish = lambda changes: os._exit(9)


def held_authentication() -> None:
    """After its query, authentication blocks while LESSY_TEST_FOLDER has a file "hold"; it creates "held"."""
    from lessy.accounts.cable import TokenAuthenticator

    folder = Path(os.environ["LESSY_TEST_FOLDER"])
    authenticate = TokenAuthenticator.authenticate

    def hold(self: Any, handshakes: Any) -> Any:
        admissions = authenticate(self, handshakes)
        while (folder / "hold").exists():
            (folder / "held").touch()
            threading.Event().wait(0.02)
        return admissions

    TokenAuthenticator.authenticate = hold  # type: ignore[method-assign]


def failing_view() -> None:
    """`GET /api/users/me` fails with the token in variables of harmless names, a list, and DRF's request."""
    from lessy.accounts.views import MeView

    def get(self: Any, request: Any) -> Any:
        found = request.headers["Authorization"]
        several = [found, {"deep": found}]
        raise RuntimeError(f"of {len(several)} variables")

    MeView.get = get  # type: ignore[method-assign]


def report_sizes() -> None:
    """
    Reports the sizes of the hub's indexes and the number of asyncio tasks. Also makes a consumer that
    receives the text "fail" raise an exception.
    """
    from notifications.consumers import CableConsumer

    receive = CableConsumer.receive

    async def fail_on_request(self: Any, text_data: str | None = None, **more: Any) -> None:
        if text_data == "fail":
            raise RuntimeError("as asked for")
        await receive(self, text_data=text_data, **more)

    CableConsumer.receive = fail_on_request  # type: ignore[method-assign]
    _report_on_signal(_sizes)


def _sizes() -> dict[str, int]:
    import asyncio

    from notifications.hub.current import _hubs

    [(loop, hubs)] = _hubs.items()
    [hub] = hubs.values()
    registry = hub.registry
    indexes = (registry._by_user, registry._listeners, registry._expiring)
    return {
        "connections": len(registry),
        "indexed": sum(map(len, indexes)),
        "wheel": len(hub.heartbeat),
        "tasks": len(asyncio.all_tasks(loop)),
    }


def two_days_later() -> None:
    """On SIGUSR1 the wall clock jumps two days ahead."""
    import signal
    import time

    now = time.time

    def leap(*_: Any) -> None:
        time.time = lambda: now() + 2 * 24 * 3600

    signal.signal(signal.SIGUSR1, leap)


def report_collector() -> None:
    """
    Creates as many objects as thousands of sockets do. Reports how often the garbage collector ran a full
    collection, and how many objects are frozen.
    """
    import gc

    kept: list[list[int]] = []

    def collector() -> dict[str, int]:
        kept.extend([] for _ in range(500_000))
        return {"full": gc.get_stats()[2]["collections"], "frozen": gc.get_freeze_count()}

    _report_on_signal(collector)


def report_unfreed() -> None:
    """Switches the garbage collector off, and reports the closed sockets that only it would free."""
    import gc

    from notifications.server.http import Request
    from notifications.server.websocket import CableProtocol

    def unfreed() -> dict[str, int]:
        found = [each for each in gc.get_objects() if type(each) in (CableProtocol, Request) and each.lost]
        return {"unfreed": len(found)}

    gc.disable()
    _report_on_signal(unfreed)


def _report_on_signal(report: Callable[[], dict[str, int]]) -> None:
    """On SIGUSR1 prints a line on stdout, for Server.report() of tests/support/site.py."""
    import signal

    def say(*_: Any) -> None:
        print(json.dumps({"report": report()}), flush=True)  # noqa: T201 the test reads it there

    signal.signal(signal.SIGUSR1, say)


def at_most_once() -> None:
    """As at-most-once servers do: a message that Redis refuses is dropped, and there is no catch-up."""
    from notifications.broker.lane import Lane
    from notifications.hub.catch_up import CatchUp

    send = Lane._send

    async def send_once(self: Any, *args: Any) -> None:
        await send(self, *args)

    Lane._send = send_once  # type: ignore[method-assign]

    async def deliver_nothing(*args: Any) -> None:
        return None

    CatchUp._deliver = deliver_nothing  # type: ignore[method-assign]


def no_lag() -> None:
    """Leaves the lag out of positions: a ping names the present, and a read starts one overlap before it."""
    from notifications.wire.positions import Reach

    Reach.horizon = lambda self, reconciled, now: now  # type: ignore[method-assign]
    Reach.certain = lambda self, position: position  # type: ignore[method-assign]


def impatient() -> None:
    """A pass delivers everything at once, without waiting for clients to read what they have been sent."""
    from notifications.hub.patience import Patience

    async def go_on(*args: Any) -> None:
        return None

    Patience.before_telling = go_on  # type: ignore[method-assign]
    an_hour_behind()


def an_hour_behind() -> None:
    """
    On SIGUSR1 the next pass over the tables begins as if the last complete one had been an hour ago, and as
    if all subscriptions had existed for as long.
    """
    import signal

    from notifications.hub.catch_up import CatchUp
    from notifications.wire.positions import MICROSECONDS

    tell = CatchUp._pass
    asked: list[int] = []

    async def tell_an_hour(self: Any) -> None:
        if asked:
            asked.clear()
            self.reconciled -= 3600 * MICROSECONDS
            for connection in self._registry.connections:
                for subscription in connection.subscriptions:
                    subscription.started -= 3600 * MICROSECONDS
        await tell(self)

    CatchUp._pass = tell_an_hour  # type: ignore[method-assign]
    signal.signal(signal.SIGUSR1, lambda number, _: asked.append(number))
