"""
How many threads HTTP may take. Django answers each request on a thread of its own, however many come at
once; a crowd of them, each hashing a password, would leave the event loop and the cable's own pools no time.

    application = BoundedRequests(get_asgi_application(), threads=16, waiting=500)

A request has one thread (a lane) until its answer begins: Django's database connections belong to threads.
What comes after it holds none, so that whoever reads an answer slowly keeps nobody waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from inspect import signature
from typing import Any, Self

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.db import close_old_connections

from ..conf import server_settings
from ..ground.limits import breaches
from ..handshake.paths import path_below_the_root
from . import refusals

Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Send], Awaitable[None]]

# How long a request waits for a lane.
WAIT_SECONDS = 30.0
# Of OPERATORS_PATHS.
OPERATORS_THREADS = 4
# For what is left when an answer has begun: pieces of files, and Django's own end of the request.
ENDING_THREADS = 4
# In the scope of a request that has a lane.
HAS_LANE = "sync_cable.has_lane"


class Lanes:
    """So many threads, each of them one request's at a time, and a bounded queue before them."""

    def __init__(self, threads: int, *, waiting: int, seconds: float) -> None:
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for number in range(threads):  # which start when they are first used
            self._free.put_nowait(ThreadPoolExecutor(1, thread_name_prefix=f"request-{number}"))
        self._room = waiting
        self._seconds = seconds

    async def take(self) -> ThreadPoolExecutor | None:
        """None if too many wait already, or if it took too long."""
        if self._free.empty() and self._room <= 0:
            return None
        self._room -= 1
        try:
            async with asyncio.timeout(self._seconds):
                return await self._free.get()
        except TimeoutError:
            return None
        finally:
            self._room += 1

    def give_back(self, lane: ThreadPoolExecutor) -> None:
        """Once it is idle: the view of a client that has gone runs to its end. As Django ends a request."""
        idle = asyncio.get_running_loop().run_in_executor(lane, close_old_connections)
        idle.add_done_callback(lambda _: self._free.put_nowait(lane))


class RequestThread(Executor):
    """Where the code of one request runs: on its lane, and after its answer has begun on any thread."""

    def __init__(self, lanes: Lanes, lane: ThreadPoolExecutor, ending: Executor) -> None:
        self._lanes = lanes
        self._lane: ThreadPoolExecutor | None = lane
        self._ending = ending

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return (self._lane or self._ending).submit(fn, *args, **kwargs)

    def release(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            self._lanes.give_back(lane)


# Paths of applications that run nothing on a thread, and so need no lane to begin with.
_without_lane: set[str] = set()


def takes_no_thread(paths: Iterable[str]) -> None:
    _without_lane.update(paths)


class BoundedRequests:
    """
    An ASGI application around one of HTTP. Beyond what may wait it refuses: 503 with Retry-After. Of several
    around each other the outermost counts.
    """

    def __init__(
        self, application: Application, *, threads: int, waiting: int, seconds: float = WAIT_SECONDS
    ) -> None:
        self._application = application
        self._lanes = Lanes(threads, waiting=waiting, seconds=seconds)
        self._operators = Lanes(OPERATORS_THREADS, waiting=waiting, seconds=seconds)
        self._ending = ThreadPoolExecutor(ENDING_THREADS, thread_name_prefix="request-end")

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if HAS_LANE in scope or path_below_the_root(scope) in _without_lane:
            await self._application(scope, receive, send)
            return
        lanes = self._lanes_of(scope["path"])
        lane = await lanes.take()
        if lane is None:
            breaches.report("request_threads", "refused a request")
            await _refuse(send)
            return
        thread = RequestThread(lanes, lane, self._ending)

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                thread.release()
            await send(message)

        try:
            async with _thread_sensitive_context(thread):
                await self._application({**scope, HAS_LANE: True}, receive, sending)
        finally:
            thread.release()

    def _lanes_of(self, path: str) -> Lanes:
        return self._operators if path.endswith(server_settings().operators_paths) else self._lanes


def bounded_http(application: Application) -> Application:
    """A whole ASGI application, of whose scopes those of HTTP take threads as CABLE["SERVER"] says."""
    settings = server_settings()
    requests = BoundedRequests(application, threads=settings.request_threads, waiting=settings.request_queue)

    async def bounded(scope: Any, receive: Any, send: Send) -> None:
        await (requests if scope["type"] == "http" else application)(scope, receive, send)

    return bounded


class _OlderContext(ThreadSensitiveContext):
    """Of an asgiref that makes the executor itself, and shuts it down."""

    def __init__(self, executor: Executor) -> None:
        super().__init__()
        self._given: Any = executor

    async def __aenter__(self) -> Self:
        self.token = SyncToAsync.thread_sensitive_context.set(self)
        SyncToAsync.context_to_thread_executor[self] = self._given
        return self

    async def __aexit__(self, *exc: Any) -> None:
        SyncToAsync.context_to_thread_executor.pop(self, None)
        await super().__aexit__(*exc)  # type: ignore[no-untyped-call]


def _thread_sensitive_context(executor: Executor) -> ThreadSensitiveContext:
    if "executor" in signature(ThreadSensitiveContext).parameters:
        return ThreadSensitiveContext(executor=executor)
    return _OlderContext(executor)


async def _refuse(send: Send) -> None:
    for message in refusals.messages(refusals.UNAVAILABLE):
        await send(message)
