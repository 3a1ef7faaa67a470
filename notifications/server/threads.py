"""
Limits the threads of HTTP requests. Django runs each request on a thread of its own, without a limit: many at
once, each hashing a password, would leave the event loop and the cable's own thread pools no time.

    application = BoundedRequests(get_asgi_application(), threads=16, waiting=500)

A request has one thread (a lane) until its response is complete: Django's database connections belong to
threads, and so does a query that a view has begun to read. A complete response holds no lane, so that a slow
client does not block other requests.
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
# For the paths in OPERATORS_PATHS.
OPERATORS_THREADS = 4
# For what remains when an answer is complete or its client has disconnected: close(), the end of a request.
ENDING_THREADS = 4
# How long the lane of an incomplete answer may be idle: because the client reads slowly, or because the
# application makes the next chunk on the event loop. A slow client thus holds a lane for this long per chunk,
# and for HTTP_SECONDS (server.py) in total; a client that stops reading is cut off after RESPONSE_SECONDS. A
# later chunk takes another lane, where a query begun on the first lane cannot be read on: the database error
# ends such an answer.
IDLE_SECONDS = 10.0
# For an event stream, which lives for hours and queries the database now and then.
IDLE_SECONDS_OF_EVENTS = 0.1
# A key in the scope of a request that has a lane.
HAS_LANE = "sync_cable.has_lane"


class Lanes:
    """A fixed number of threads, each for one request at a time, with a bounded queue in front."""

    def __init__(self, threads: int, *, waiting: int, seconds: float) -> None:
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for number in range(threads):  # which start when they are first used
            self._free.put_nowait(ThreadPoolExecutor(1, thread_name_prefix=f"request-{number}"))
        self._room = waiting
        self._seconds = seconds

    async def take(self) -> ThreadPoolExecutor | None:
        """None if the queue is full, or if the wait took too long."""
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
        """
        The lane is free once it is idle: the view of a disconnected client still runs to its end. Closes old
        database connections, as Django does after a request.
        """
        idle = asyncio.get_running_loop().run_in_executor(lane, close_old_connections)
        idle.add_done_callback(lambda _: self._free.put_nowait(lane))


class NoLane(Exception):
    """No lane was free for the rest of an answer."""


class RequestThread(Executor):
    """
    Runs the code of one request on its lane. Once the answer has begun, the lane is given back as soon as the
    answer can have no state left on it; later calls take another lane. Only the end of the request runs on
    any thread.
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

    # Progress of the answer

    def begun(self, *, patience: float) -> None:
        """
        Django continues with a synchronous body in the same turn of the loop. An application that does not
        has a complete answer, or makes the answer on the loop, perhaps for hours.
        """
        self._patience = patience
        self._wait_for_more(0)

    def ended(self) -> None:
        """No more output is needed: the answer is complete, or its client has disconnected."""
        self._ended = True

    def release(self) -> None:
        self._stop_waiting()
        lane, self._lane = self._lane, None
        if lane is not None:
            self._lanes.give_back(lane)

    # Calls once the answer has begun

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
        """Calls `what` on the loop, from a thread. The loop may have been closed before the thread ends."""
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
        async with self._taking:  # one new lane for all calls that wait
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
    Whether this is the single call with which Django makes the whole body of a synchronous stream:
    sync_to_async(list)(content). Without this detection the lane is held for IDLE_SECONDS longer.
    """
    handler = getattr(fn, "func", None)  # a method of SyncToAsync, with its arguments
    return getattr(getattr(handler, "__self__", None), "func", None) is list


def _is_stream_of_events(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """
    Django keeps the case in which a view wrote a header's name, and MEDIA_TYPE may be followed by a charset.
    """
    types = [value for name, value in headers if name.lower() == b"content-type"]
    return any(value.startswith(MEDIA_TYPE.encode()) for value in types)


class Answer:
    """Wraps receive and send of one application, and reports its progress to the RequestThread."""

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
            # Not awaited, so that the application continues at once: what it does in this turn shows whether
            # it needs its lane. A server may delay this message until the client has read an earlier answer.
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
        """The application has returned or failed: a start that is not sent yet must not be sent."""
        if self._start is not None:
            self._start.cancel()


# Paths of applications that run nothing on a thread, and so start without a lane.
_without_lane: set[str] = set()


def takes_no_thread(paths: Iterable[str]) -> None:
    _without_lane.update(paths)


class BoundedRequests:
    """
    Wraps an HTTP application (ASGI). When the queue is full it answers 503 with Retry-After. If several are
    nested, only the outermost counts.
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
    """Wraps a whole ASGI application; its HTTP scopes are limited to the threads of CABLE["SERVER"]."""
    settings = server_settings()
    requests = BoundedRequests(application, threads=settings.request_threads, waiting=settings.request_queue)

    async def bounded(scope: Any, receive: Receive, send: Send) -> None:
        await (requests if scope["type"] == "http" else application)(scope, receive, send)

    return bounded


class _OlderContext(ThreadSensitiveContext):
    """For an older asgiref, which creates the executor itself and shuts it down."""

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
