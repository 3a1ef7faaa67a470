"""
settings.CABLE, with the default of each setting. `cable_settings()` is the only reader.

    CABLE = {
        "RESOURCES": {"tasks": {"model": "tasks.Task", "owner": "user"}},
        "AUTHENTICATOR": "sync_cable.handshake.authentication.SessionAuthenticator",
    }

The comment above each field is its description in the documentation: `python -m tests.docs.settings_tables`
writes the tables of the pages from them. Begin with "Seconds" or "Bytes" where that is the unit, say what
happens above a limit, and name pages as docs/PAGE.md#heading.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Final, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

# Values of BROKER.
CHANNEL_LAYER: Final = "channel_layer"
POSTGRESQL: Final = "postgresql"
# Values of PUBLISH.
AUTO: Final = "auto"
BACKGROUND: Final = "background"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """CABLE["SERVER"]: settings of the server that comes with the cable (server/), and of no other server."""

    # Seconds over which a shutdown disconnects its clients, evenly spread. May be 0.
    drain_seconds: float = 10.0
    # Seconds from the first to the last byte of a WebSocket message. A slower client is disconnected.
    message_seconds: float = 6.0
    # Seconds from the first to the last byte of an HTTP request with its body. A slower connection is closed.
    request_seconds: float = 30.0
    # Seconds in which a client must read 16 KiB of a response that waits for it. Otherwise its connection is
    # closed. The next request of the connection waits until then.
    response_seconds: float = 30.0
    # Seconds without a TCP acknowledgement, after which a client counts as gone and is dropped. Linux only.
    dead_peer_seconds: float = 50.0
    # Pings, pongs and fragments of messages per second of one socket, with a burst of ten times as many.
    # Above it the socket is closed with 4029.
    control_frames_per_second: float = 20.0
    # Bytes of a request body. Above it: HTTP 413. The request line and headers may have 16 KiB and 500 lines
    # together (431).
    request_bytes: int = 5 * 1024 * 1024
    # Threads for HTTP requests in one process. A request has one until its response is produced, with the
    # whole body of a synchronous `StreamingHttpResponse`.
    request_threads: int = 16
    # HTTP requests that may wait for a thread, for at most 30 s. Above it: HTTP 503 with `Retry-After`.
    request_queue: int = 500
    # Ends of the paths that are served by four threads of their own, so that health checks succeed under
    # load.
    operators_paths: tuple[str, ...] = ("/health/live", "/health/ready", "/metrics")
    # Value of the response header `Server`. Empty: no such header.
    name: str = ""
    # Dotted path of a function that returns the JSON body, as bytes, of responses that the server itself
    # makes. Its argument is `bad_request`, `content_too_large`, `headers_too_large` or `unavailable`. Empty:
    # the body is `{"error": CODE, "detail": …}`.
    error_body: str = ""


@dataclass(frozen=True, slots=True)
class CableSettings:
    # Models whose changes are announced, by their name in notifications. See docs/plugging-in.md#resources.
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # Names besides `NotificationsChannel` that clients may subscribe to, each with some resources:
    # `{"TasksChannel": ["tasks"]}`.
    channels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Dotted path of the class that authenticates handshakes. See docs/plugging-in.md#who-may-connect.
    authenticator: str = f"{__package__}.handshake.authentication.SessionAuthenticator"
    # Whether browsers may send their token as a WebSocket subprotocol, `anycable-token.…`. See
    # docs/plugging-in.md#from-a-page-on-another-site.
    subprotocol_token: bool = False
    # What carries events between processes: `"channel_layer"` is the one that `CHANNEL_LAYER` names,
    # `"postgresql"` is LISTEN and NOTIFY. See docs/without-redis.md.
    broker: Literal["channel_layer", "postgresql"] = CHANNEL_LAYER
    # Whether the triggers of `manage.py cable_triggers` are installed in the default database: every server
    # process then listens for them. See docs/raw-sql.md.
    triggers: bool = False
    # Alias in `CHANNEL_LAYERS`. Use `RedisPubSubChannelLayer`; the in-memory layer is for DEBUG, tests and
    # small installations. See docs/without-redis.md#small-installations.
    channel_layer: str = "default"
    # URL or libpq connection string of the PostgreSQL that the broker `"postgresql"` and `TRIGGERS` use, if
    # it is not the default database. Behind PgBouncer it names PostgreSQL itself. See
    # docs/without-redis.md#pgbouncer.
    broker_url: str = ""
    # Prefix of all names in Redis: 1 to 29 letters, digits, hyphens and underscores. Empty: derived from
    # `SECRET_KEY`, the name of the default database and the number of the Redis database. See
    # docs/operations.md#one-redis-for-several-installations. Also a callable, or its path. See
    # docs/tenants.md.
    prefix: str | Callable[[], str] = ""
    # Further allowed origins, exactly `scheme://host[:port]`; `file://` or `app://.` for apps in a web view
    # (Cordova, Electron). `*` as the only entry allows every page on the web.
    allowed_origins: tuple[str, ...] = ()
    # Whether a handshake without `Origin` is refused, as Rails does. Only browsers send `Origin`.
    require_origin: bool = False
    # Whether users that the authenticator does not know may connect, to receive public rows. See
    # docs/readers.md#for-everybody.
    anonymous: bool = False
    # Unit of `updatedAt` in notifications: `"s"`, or `"ms"` for the Vue client of 2018, which compares
    # milliseconds.
    updated_at_unit: Literal["s", "ms"] = "s"
    # `"auto"`: a process without sockets publishes before a commit returns. `"background"`: no commit waits
    # for Redis. See docs/plugging-in.md#workers-commands-and-scripts.
    publish: Literal["auto", "background"] = AUTO

    # Seconds between two `ping` frames. Clients reconnect when two are missing.
    ping_interval: float = 3.0
    # Seconds before the last known time at which each read of the tables starts. See
    # docs/promise.md#what-an-operator-sets.
    overlap: float = 60.0
    # Seconds between two reconciles, ± 20 % so that processes do not query at the same moment: at most 36.
    reconcile_interval: float = 30.0
    # Seconds between two canaries, with which a process checks its connection to Redis.
    canary_interval: float = 2.0
    # Seconds without a canary, after which Redis counts as down.
    canary_timeout: float = 5.0
    # Seconds that publishing one event may take.
    publish_timeout: float = 2.0
    # Seconds that a commit waits for Redis in a process without sockets; once per outage of Redis.
    synchronous_timeout: float = 0.5
    # Seconds that an exiting process waits for its unpublished changes, unless Redis is known to be down; 0.4
    # at most if it did not answer the last commit. May be 0.
    flush_timeout: float = 3.0
    # Seconds that the confirmation of a subscription waits for Redis. After that it is confirmed, and a
    # catch-up delivers what Redis may have missed.
    join_timeout: float = 2.0
    # Seconds for authenticating one batch of handshakes. After that the batch and all handshakes behind it
    # are closed with 1011.
    authentication_timeout: float = 4.0
    # Seconds for one read of the database. After that its thread is abandoned and the read is repeated. See
    # docs/operations.md#a-database-that-does-not-answer.
    read_timeout: float = 10.0
    # Seconds for which notices of deletions are kept (7 days). Clients with an older position must refetch.
    deletions_kept: float = 7 * 24 * 3600.0

    # Changed rows that one replay may contain; above it the client must refetch. Also the changes that may
    # wait in memory during a replay; above it the tables are read again.
    replay_limit: int = 1_000
    # Changes that may wait for one Redis in one process; of a change for many users, each 50 users count as
    # one. Above it changes are dropped; the next reconcile delivers them.
    publish_queue: int = 10_000

    # Bytes of one frame from a client. Above it the socket is closed with 4029, above twice as much with
    # 1009.
    max_frame_bytes: int = 64 * 1024
    # Commands per second of one socket. Above it the socket is closed with 4029; the client may reconnect. A
    # subscribe that is repeated, or names an unknown channel, counts as 1/20, and 1 for each 16 KiB.
    commands_per_second: float = 20.0
    # Commands of one socket that may arrive at once.
    commands_burst: int = 200
    # Subscriptions of one socket. Above it the socket is closed with 4029.
    max_subscriptions: int = 100
    # Bytes of all identifiers of one socket together, written as JSON within JSON in UTF-8, because each
    # notification repeats its identifier. Above it the socket is closed with 4029.
    max_identifier_bytes: int = 32 * 1024
    # Sockets of one user in one process, websockets and event streams together. Above it the socket is closed
    # with 4029, an event stream refused with HTTP 429.
    max_sockets_per_user: int = 50
    # Sockets of unknown users in one process, where `ANONYMOUS` is on.
    max_anonymous_sockets: int = 5_000
    # Sockets of one address in one process; an office or a school may be one address. Above it handshakes are
    # refused with HTTP 403, and clients retry with exponential backoff. Event streams are told to reconnect.
    max_sockets_per_address: int = 1_000
    # Handshakes per second of one address. Above it they are refused with HTTP 403.
    handshakes_per_second: float = 50.0
    # Handshakes of one address that may arrive at once.
    handshakes_burst: int = 1_000
    # Frames that may wait for a client that does not read. Above it the socket is closed with 4008; the
    # client resumes.
    outbox_frames: int = 256
    # Bytes that may wait for a client that does not read. Above it the socket is closed with 4008.
    outbox_bytes: int = 1024 * 1024

    # Bearer token for `/metrics`. Empty: the endpoint is disabled. See docs/monitoring.md.
    metrics_token: str = ""

    # Number of your own proxies that append to `X-Forwarded-For`. 0: the header is ignored.
    trusted_proxies: int = 0

    # Settings of the server that comes with the cable, a dict. See docs/server.md#settings.
    server: ServerSettings = field(default_factory=ServerSettings)


# Numbers that may be 0. All others must be greater.
MAY_BE_ZERO = {"trusted_proxies", "flush_timeout", "drain_seconds", "request_queue"}


def _read(configured: Mapping[str, Any]) -> CableSettings:
    values = _by_field(CableSettings, configured, "settings.CABLE")
    if "server" in values:
        values["server"] = _read_server(values["server"])
    _make_tuple(values, "allowed_origins", "settings.CABLE['ALLOWED_ORIGINS']", "origins")
    return CableSettings(**values)


def _read_server(configured: Any) -> ServerSettings:
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured(f"settings.CABLE['SERVER'] is {configured!r:.80}: expected a dict")
    values = _by_field(ServerSettings, configured, "settings.CABLE['SERVER']")
    _make_tuple(values, "operators_paths", "settings.CABLE['SERVER']['OPERATORS_PATHS']", "paths")
    return ServerSettings(**values)


def _make_tuple(values: dict[str, Any], name: str, where: str, of: str) -> None:
    """Raises ImproperlyConfigured for a text, which would become a tuple of letters."""
    if isinstance(values.get(name), str):
        raise ImproperlyConfigured(f"{where} is a string: expected a list of {of}")
    if name in values:
        values[name] = tuple(values[name])


def _by_field(kind: type, configured: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = {entry.name.upper(): entry.name for entry in fields(kind)}
    unknown = sorted(str(name) for name in set(configured) - set(known))
    if unknown:
        raise ImproperlyConfigured(f"{where} has unknown keys: {', '.join(unknown)}")
    return {known[name]: value for name, value in configured.items()}


@lru_cache(maxsize=1)
def cable_settings() -> CableSettings:
    """Raises ImproperlyConfigured for a key that is not a setting."""
    return _read(getattr(settings, "CABLE", {}))


def server_settings() -> ServerSettings:
    return cable_settings().server


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        cable_settings.cache_clear()
