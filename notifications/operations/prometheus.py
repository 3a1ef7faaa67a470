"""
The counters of this process as Prometheus reads them. Needs prometheus_client; nothing else imports this.

    urlpatterns = [path("metrics", sync_cable.operations.prometheus.metrics_view)]

They are collected when Prometheus scrapes: until then counting is an addition to an integer.
"""

import secrets
from collections.abc import Iterable, Iterator
from itertools import accumulate

from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from ..broker.publisher import publisher
from ..conf import cable_settings
from ..ground.metrics import Histogram, metrics
from ..hub.current import current_hub
from ..hub.hub import Hub
from ..wire.close_codes import DEAD_PEER

MICROSECOND = 1e-6

# Name of the counter → what it counts.
COUNTERS = {
    "failed_commands": "Commands of clients that failed: each socket was closed and told to reconnect",
    "abandoned_reads": "Reads of the database that did not end in time: each costs a thread and a connection",
    "connections_opened": "Sockets opened",
    "published": "Changes handed to the channel layer",
    "publish_failures": "Events that the channel layer did not take; each is sent again",
    "caught_up": "Changes found only in the tables: without a signal, or lost by the fast path",
    "replayed": "Changes replayed to clients that resumed",
    "catch_up_failures": "Catch-ups that failed, and were repeated",
    "reconcile_failures": "Reconciles that failed, and were repeated",
    "broker_losses": "Times that the broker stopped answering",
    "wakes": "Reads of the tables that triggers asked for",
    "wake_losses": "Times that the connection which hears triggers was lost, or not made",
    "broker_gaps": "Times that a canary came back, but not the one before it",
    "payload_failures": "Notifications without the further keys that 'payload' was to make",
    "stale": "Changes that came after a later version of their row, and were not delivered",
    "ignored_frames": "Frames of clients that could not be understood",
}
# Name before the colon → name of the metric, its label, what it counts, and the reasons known beforehand:
# a series that is absent until something happens cannot be alerted on.
REASONS = {
    "connections_closed": (
        "connections_closed",
        "reason",
        "Sockets closed",
        ("client", "remote", DEAD_PEER),
    ),
    "drops": (
        "drops",
        "reason",
        "Changes that were not published; the next reconcile announces them",
        ("publish_queue", "publish_error"),
    ),
    "handshakes": (
        "handshakes_refused",
        "reason",
        "Handshakes that got no socket",
        (
            "unauthorized",
            "host",
            "origin",
            "path",
            "unavailable",
            "draining",
            "handshakes_per_second",
            "sockets_per_address",
        ),
    ),
    "limits": (
        "limit_breaches",
        "limit",
        "Limits that were broken, each at the cost of one socket, handshake or request",
        (
            "outbox",
            "frame_bytes",
            "commands_per_second",
            "subscriptions",
            "identifier_bytes",
            "sockets_per_user",
            "fan_out",
        ),
    ),
    "task_restarts": (
        "task_restarts",
        "task",
        "Tasks of the hub that ended and were started again",
        ("heartbeat", "reconcile", "last_hour", "catch_up", "broker_watch", "broker_join", "publisher"),
    ),
    "history_rejected": (
        "history_rejected",
        "reason",
        "Resumes whose client was told to refetch",
        ("HistoryGone", "TooMuchToReplay"),
    ),
}


class CableCollector(Collector):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterable[Metric]:
        yield from _gauges(self._hub)
        yield _counter("deliveries", "Notifications written to sockets", metrics.deliveries)
        for name, description in COUNTERS.items():
            yield _counter(name, description, metrics.counts[name])
        yield from _by_reason()
        for name, description, histogram in (
            ("commit_to_socket", "From the commit to the sockets of this process", metrics.commit_to_socket),
            ("publish", "How long the channel layer took to take an event", metrics.publish),
            ("ping_lateness", "How late each turn of the heartbeat was", metrics.ping_lateness),
        ):
            yield _histogram(f"cable_{name}_seconds", description, histogram)


def _gauges(hub: Hub) -> Iterator[Metric]:
    state = hub.state()
    protocols = GaugeMetricFamily("cable_connections", "Open sockets", labels=["protocol"])
    protocols.add_metric(["base"], state.connections - state.extended - state.events)
    protocols.add_metric(["extended"], state.extended)
    protocols.add_metric(["events"], state.events)
    yield protocols
    for name, description, value in (
        ("users", "Users with an open socket", state.users),
        ("subscriptions", "Subscriptions of all sockets", state.subscriptions),
        ("congested_connections", "Sockets whose client does not read fast enough", state.congested),
        ("outbox_bytes", "Bytes that wait for clients that do not read fast enough", state.outbox_bytes),
        ("publish_queue", "Changes that wait for the channel layer", publisher.waiting),
        ("broker_healthy", "Whether the canary comes back", state.broker),
        (
            "broker_last_echo_timestamp_seconds",
            "When the last canary that came back was sent",
            state.last_echo,
        ),
        (
            "reconciled_timestamp_seconds",
            "When the last complete pass over the tables began",
            state.reconciled,
        ),
        ("reconciled_age_seconds", "Seconds since the last complete pass began", state.reconciled_age),
        ("certain", "Whether that pass is recent enough; if not, the process is not ready", state.certain),
        ("waiting_reads", "Reads that timed out and still wait for the database", state.abandoned_reads),
        ("tasks_run", "Whether every task of the hub runs", hub.health.tasks_run),
        ("draining", "Whether the process shuts down gracefully", state.draining),
    ):
        yield GaugeMetricFamily(f"cable_{name}", description, value=float(value))


def _counter(name: str, description: str, value: int) -> Metric:
    return CounterMetricFamily(f"cable_{name}", description, value=value)


def _by_reason() -> Iterator[Metric]:
    counts = {kind: dict.fromkeys(known, 0) for kind, (*_, known) in REASONS.items()}
    for name, value in tuple(metrics.counts.items()):
        kind, colon, reason = name.partition(":")
        if colon and kind in counts:
            # "cannot write: ConnectionLost": the log has the exception, the label only the reason.
            reason = reason.partition(":")[0]
            counts[kind][reason] = counts[kind].get(reason, 0) + value
    for kind, (name, label, description, _) in REASONS.items():
        family = CounterMetricFamily(f"cable_{name}", description, labels=[label])
        for reason, value in counts[kind].items():
            family.add_metric([reason], value)
        yield family


def _histogram(name: str, description: str, histogram: Histogram) -> Metric:
    bounds = [str(bound * MICROSECOND) for bound in histogram.bounds] + ["+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.buckets), strict=True))
    return HistogramMetricFamily(name, description, buckets, sum_value=histogram.sum * MICROSECOND)


def exposition(hub: Hub) -> bytes:
    registry = CollectorRegistry()
    registry.register(CableCollector(hub))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return generate_latest(registry)


async def metrics_view(request: HttpRequest) -> HttpResponse:
    """
    The metrics of this process, for requests with CABLE["METRICS_TOKEN"] as bearer token; 404 if it is not
    set.
    """
    token = cable_settings().metrics_token
    if not token:
        raise Http404
    if not secrets.compare_digest(
        request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()
    ):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition(current_hub()), content_type=CONTENT_TYPE_LATEST)
