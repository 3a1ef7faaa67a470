"""
How many threads HTTP may take. Django answers each request on a thread of its own, however many come at
once; a crowd of them, each hashing a password, would leave the event loop and the cable's own pools no time.

    application = BoundedRequests(get_asgi_application(), threads=16, waiting=500)

A request has one thread (a lane) until its answer is made: Django's database connections belong to threads,
and so does what a view has begun to read. An answer that is made holds none, so that whoever reads it slowly
keeps nobody waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from inspect import signature
from typing import Any, Self

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.db import close_old_connections

from ..conf import server_settings
from ..ground.limits import breaches
from ..handshake.paths import path_below_the_root
from ..wire.event_stream import MEDIA_TYPE
from . import refusals

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

# How long a request waits for a lane.
WAIT_SECONDS = 30.0
# Of OPERATORS_PATHS.
OPERATORS_THREADS = 4
# For what is left when an answer is complete or its client has gone: close(), the end of a request.
ENDING_THREADS = 4
# For how long an answer that is not complete may leave its lane idle: its reader is slow, or the application
# makes the next piece on the event loop. So a slow reader holds a lane for so long per piece, and for
# HTTP_SECONDS (server.py) in all; one that stands still is cut off after RESPONSE_SECONDS. What comes later
# takes another lane, where nothing can be read on: the error of the database breaks off such an answer.
IDLE_SECONDS = 10.0
# Of a stream of events, which lives for hours and asks the database now and then.
IDLE_SECONDS_OF_EVENTS = 0.1
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


class NoLane(Exception):
    """For what an answer has still to produce."""


class RequestThread(Executor):
    """
    Where the code of one request runs: on its lane. Once the answer has begun, the lane is given back as soon
    as nothing of it can be left there; what is run later takes another. Only the end runs on any thread.
    """

    def __init__(self, lanes: Lanes, lane: ThreadPoolExecutor, ending: Executor) -> None:
        self._lanes = lanes
        self._lane: ThreadPoolExecutor | None = lane
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self._taking = asyncio.Lock()
        # How long the lane may be idle. None: the answer has not begun.
        self._patience: float | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._running = 0
        self._ended = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        call = partial(fn, *args, **kwargs)
        if self._lane is not None:
            return self._run(self._lane, call, makes_all=_makes_all(fn))
        if self._ended:
            return self._ending.submit(call)
        again = self._on_another_lane(call, makes_all=_makes_all(fn))
        return asyncio.run_coroutine_threadsafe(again, self._loop)

    # What becomes of the answer

    def begun(self, *, patience: float) -> None:
        """
        Django goes on with a synchronous body in the same turn of the loop. Who does not has made the answer,
        or makes it on the loop, perhaps for hours.
        """
        self._patience = patience
        self._wait_for_more(0)

    def ended(self) -> None:
        """Nothing is to be produced any more: the answer is complete, or its client has gone."""
        self._ended = True

    def release(self) -> None:
        self._stop_waiting()
        lane, self._lane = self._lane, None
        if lane is not None:
            self._lanes.give_back(lane)

    # What it runs once the answer has begun

    def _run(self, lane: Executor, call: Callable[[], Any], *, makes_all: bool) -> "Future[Any]":
        if self._patience is None:
            return lane.submit(call)
        self._running += 1
        self._stop_waiting()
        outcome = lane.submit(call)
        patience = 0 if makes_all else self._patience
        outcome.add_done_callback(lambda _: self._say(partial(self._has_run, patience)))
        return outcome

    def _say(self, what: Callable[[], None]) -> None:
        """From a thread to the loop, which may have ended before it."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)

    def _has_run(self, patience: float) -> None:
        self._running -= 1
        if self._running == 0 and self._lane is not None:
            self._wait_for_more(patience)

    def _wait_for_more(self, seconds: float) -> None:
        self._idle = self._loop.call_later(seconds, self.release)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _on_another_lane(self, call: Callable[[], Any], *, makes_all: bool) -> Any:
        async with self._taking:  # one for all that wait
            if self._lane is None and not self._ended:
                await self._take_another()
        if self._lane is None:
            return await asyncio.wrap_future(self._ending.submit(call))
        return await asyncio.wrap_future(self._run(self._lane, call, makes_all=makes_all))

    async def _take_another(self) -> None:
        self._lane = await self._lanes.take()
        if self._lane is None:
            breaches.report("request_threads", "broke off an answer")
            raise NoLane("no thread was free for the rest of the answer")
        if self._ended:
            self.release()


def _makes_all(fn: Callable[..., Any]) -> bool:
    """
    Whether it is the one call by which Django makes the whole body of a synchronous stream:
    sync_to_async(list)(content). One that is not known by it holds its lane for IDLE_SECONDS more.
    """
    handler = getattr(fn, "func", None)  # a method of SyncToAsync, with its arguments
    return getattr(getattr(handler, "__self__", None), "func", None) is list


def _is_stream_of_events(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Django writes names as its views do, and MEDIA_TYPE may have a charset."""
    types = [value for name, value in headers if name.lower() == b"content-type"]
    return any(value.startswith(MEDIA_TYPE.encode()) for value in types)


class Answer:
    """What one application sends and is sent, and what its lane has to know of it."""

    def __init__(self, thread: RequestThread, receive: Receive, send: Send) -> None:
        self._thread = thread
        self._receive = receive
        self._send = send
        self._start: asyncio.Future[None] | None = None

    async def receive(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._thread.ended()
        return message

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            events = _is_stream_of_events(message.get("headers", ()))
            self._thread.begun(patience=IDLE_SECONDS_OF_EVENTS if events else IDLE_SECONDS)
            # The application goes on at once: what it does in this turn shows whether it has a use for its
            # lane. A server may let this message wait for the reader of an earlier answer.
            self._start = asyncio.ensure_future(self._send(message))
            return
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._thread.ended()
            self._thread.release()
        await self.started()
        await self._send(message)

    async def started(self) -> None:
        start, self._start = self._start, None
        if start is not None:
            await start

    def left(self) -> None:
        """By its application, which may have failed: what is not sent yet must not be."""
        if self._start is not None:
            self._start.cancel()


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

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
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
        answer = Answer(thread, receive, send)
        try:
            async with _thread_sensitive_context(thread):
                await self._application({**scope, HAS_LANE: True}, answer.receive, answer.send)
                await answer.started()
        finally:
            answer.left()
            thread.ended()
            thread.release()

    def _lanes_of(self, path: str) -> Lanes:
        return self._operators if path.endswith(server_settings().operators_paths) else self._lanes


def bounded_http(application: Application) -> Application:
    """A whole ASGI application, of whose scopes those of HTTP take threads as CABLE["SERVER"] says."""
    settings = server_settings()
    requests = BoundedRequests(application, threads=settings.request_threads, waiting=settings.request_queue)

    async def bounded(scope: Any, receive: Receive, send: Send) -> None:
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
