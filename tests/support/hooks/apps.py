import os
import threading
from pathlib import Path
from typing import Any

from django.apps import AppConfig

SLOW_SECONDS = 8


class HooksConfig(AppConfig):
    name = "tests.support.hooks"

    def ready(self) -> None:
        globals()[os.environ["LESSY_TEST_HOOK"]]()


def slow_history() -> None:
    """Every replay takes SLOW_SECONDS."""
    from notifications import commands

    read = commands.changes_since

    def slowly(*args: Any, **options: Any) -> Any:
        threading.Event().wait(SLOW_SECONDS)
        return read(*args, **options)

    commands.changes_since = slowly  # type: ignore[assignment]


def failing_authentication() -> None:
    from lessy.accounts.cable import TokenAuthenticator

    def fail(self: Any, handshakes: Any) -> Any:
        raise RuntimeError("as a database would that is away")

    TokenAuthenticator.authenticate = fail  # type: ignore[method-assign]


def failing_join() -> None:
    """The first join of a stream raises, as code of a channel would."""
    from notifications.broker import Broker

    join = Broker.join

    async def fail_once(self: Any, group: str) -> None:
        Broker.join = join  # type: ignore[method-assign]
        raise RuntimeError("as code that fails while subscribing")

    Broker.join = fail_once  # type: ignore[method-assign]


def die_before_publishing() -> None:
    """As by kill -9 between commit and publish."""
    from notifications import publisher

    publisher.publish = lambda changes: os._exit(9)


def held_authentication() -> None:
    """Who was found to be admitted waits while LESSY_TEST_FOLDER has a file "hold"; "held" tells of it."""
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
    """`GET /api/users/me` fails, with the token in its variables: of no name, a list and what DRF holds."""
    from lessy.accounts.views import MeView

    def get(self: Any, request: Any) -> Any:
        found = request.headers["Authorization"]
        several = [found, {"deep": found}]
        raise RuntimeError(f"of {len(several)} variables")

    MeView.get = get  # type: ignore[method-assign]


def report_sizes() -> None:
    """
    On SIGUSR1 a line on stdout: what the hub holds, and how many tasks there are. And a consumer that hears
    the word fails, as none should.
    """
    import json
    import signal

    from notifications.consumers import CableConsumer

    receive = CableConsumer.receive

    async def fail_on_request(self: Any, text_data: str | None = None, **more: Any) -> None:
        if text_data == "fail":
            raise RuntimeError("as asked for")
        await receive(self, text_data=text_data, **more)

    def report(*_: Any) -> None:
        print(json.dumps(_sizes()), flush=True)  # noqa: T201 the test reads it there

    CableConsumer.receive = fail_on_request  # type: ignore[method-assign]
    signal.signal(signal.SIGUSR1, report)


def _sizes() -> dict[str, int]:
    import asyncio

    from notifications.hub import _hubs

    [(loop, hub)] = _hubs.items()
    registry = hub.registry
    indexes = (registry._by_user, registry._listeners, registry._expiring)
    return {
        "connections": len(registry),
        "indexed": sum(map(len, indexes)),
        "wheel": len(hub._wheel),
        "tasks": len(asyncio.all_tasks(loop)),
    }


def two_days_later() -> None:
    """On SIGUSR1 the clock of the wall goes two days ahead."""
    import signal
    import time

    now = time.time

    def leap(*_: Any) -> None:
        time.time = lambda: now() + 2 * 24 * 3600

    signal.signal(signal.SIGUSR1, leap)


def report_unfreed() -> None:
    """On SIGUSR1 a line on stdout: the ended sockets that wait for the garbage collector, which is off."""
    import gc
    import signal

    from lessy.http import Request
    from lessy.websocket import CableProtocol

    def report(*_: Any) -> None:
        found = [each for each in gc.get_objects() if type(each) in (CableProtocol, Request) and each.lost]
        print(f"unfreed: {len(found)}", flush=True)  # noqa: T201 the test reads it there

    gc.disable()
    signal.signal(signal.SIGUSR1, report)


def at_most_once() -> None:
    """As every other server: what Redis does not take is dropped, and nothing is caught up."""
    from notifications.catch_up import CatchUp
    from notifications.publisher import Publisher

    send = Publisher._send

    async def send_once(self: Any, *args: Any) -> bool:
        await send(self, *args)
        return True

    Publisher._send = send_once  # type: ignore[method-assign]
    CatchUp._deliver = lambda self, changes: None  # type: ignore[method-assign]
