"""
Admits requests over HTTP by the rules of a handshake: address, origin, authenticator.
"""

import threading
import time
from collections.abc import Hashable

from django.http import HttpRequest

from ..conf import cable_settings
from ..ground.limits import TokenBucket, breaches
from ..wire.payloads import ANONYMOUS, key_of
from . import cross_origin
from .addresses import client_address
from .admission import ask_authenticator
from .authentication import Admission, Handshake, Nobody, has_expired, parse_handshake

# How many buckets are kept before those that are full, as new ones would be, are dropped.
SWEEP_AT = 1_000


class Refused(Exception):
    """status: of HTTP. reason: one word for the body. headers: of the answer."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class Buckets:
    """One token bucket per key; the caller chooses the keys."""

    def __init__(self) -> None:
        self._buckets: dict[Hashable, TokenBucket] = {}
        self._sweep_at = SWEEP_AT
        # Requests are served by many threads, and no dictionary may grow while a sweep reads it.
        self._lock = threading.Lock()

    def take(self, who: Hashable, rate: float, burst: float) -> bool:
        with self._lock:
            now = time.monotonic()
            return self._bucket(who, rate, burst, now).take(now)

    def _bucket(self, who: Hashable, rate: float, burst: float, now: float) -> TokenBucket:
        bucket = self._buckets.get(who)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._buckets = {key: each for key, each in self._buckets.items() if not each.is_full(now)}
                self._sweep_at = max(SWEEP_AT, 2 * len(self._buckets))
            bucket = self._buckets[who] = TokenBucket(rate, burst, now)
        return bucket


_buckets = Buckets()


def admit(request: HttpRequest) -> Admission:
    """Raises Refused, and what the authenticator raises. On a thread where the ORM may be used."""
    _limit_address(request)
    if not _admits_origin(request):
        raise Refused(403, "origin")
    admission = _admission(_handshake_of(request))
    settings = cable_settings()
    user_id = key_of(admission.user_id)
    # Anonymous clients are limited by their address only.
    if user_id != ANONYMOUS and not _buckets.take(
        ("user", user_id), settings.commands_per_second, settings.commands_burst
    ):
        breaches.report("pulls_per_second", f"refused a request of user {user_id}")
        raise Refused(429, "too_many_requests", **{"Retry-After": "1"})
    return admission


def _limit_address(request: HttpRequest) -> None:
    settings = cable_settings()
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    address = client_address(
        request.META.get("REMOTE_ADDR"), [] if forwarded is None else [forwarded], settings.trusted_proxies
    )
    rate, burst = settings.handshakes_per_second, settings.handshakes_burst
    if address is not None and not _buckets.take(("address", address), rate, burst):
        breaches.report("handshakes_per_second", f"refused a request from {address}")
        raise Refused(429, "too_many_requests", **{"Retry-After": "1"})


def _admission(handshake: Handshake) -> Admission:
    [admission] = ask_authenticator([handshake])
    if admission is None:
        if cable_settings().anonymous:
            return Nobody()
        raise Refused(401, "unauthorized")
    if has_expired(admission, time.time()):
        raise Refused(401, "token_expired")
    return admission


def _handshake_of(request: HttpRequest) -> Handshake:
    return parse_handshake(
        [(name.encode(), value.encode("latin-1", "replace")) for name, value in _headers(request)]
    )


def _headers(request: HttpRequest) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in request.headers.items()]


def _admits_origin(request: HttpRequest) -> bool:
    return cross_origin.admits(*_told(request))


def cross_origin_headers(request: HttpRequest) -> dict[str, str]:
    return cross_origin.answer_headers(*_told(request))


def _told(request: HttpRequest) -> tuple[dict[bytes, str], str]:
    """Headers and scheme, as of an ASGI scope."""
    return {name.encode(): value for name, value in _headers(request)}, request.scheme or ""
