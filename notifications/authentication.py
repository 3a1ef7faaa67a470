"""
Handshake credentials → user, through a class named in settings.CABLE["AUTHENTICATOR"].

It is asked for several handshakes at a time (a reconnect storm costs a query per batch, not per socket), on a
thread of the hub's own. It may be anything with the two methods of Authenticator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from notifications.conf import cable_settings
from notifications.payloads import Key


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    What of the upgrade request may carry credentials; the query string may not.

    cookies: values as they were sent, undecoded. headers: by lower-case name.
    """

    cookies: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Admission(Protocol):
    """
    The right of one socket.

    key: what can be revoked (a token, a session). expires_at: seconds since the epoch, or None.
    """

    @property
    def user_id(self) -> Key: ...
    @property
    def key(self) -> str: ...
    @property
    def expires_at(self) -> float | None: ...


class Authenticator(Protocol):
    def authenticate(self, handshakes: Sequence[Handshake]) -> Sequence[Admission | None]:
        """One answer per handshake, in order; None refuses it."""

    def still_admitted(self, admissions: Sequence[Admission]) -> Sequence[bool]:
        """Whether each admission would be given again. Asked regularly: word of a revocation can be lost."""


def parse_handshake(headers: Sequence[tuple[bytes, bytes]]) -> Handshake:
    """From the headers of an ASGI scope. Never raises: headers are latin-1 by definition."""
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return Handshake(cookies=_parse_cookies(named.get("cookie", "")), headers=named)


def _parse_cookies(header: str) -> dict[str, str]:
    """Of several cookies of one name the first counts: it has the longer path (RFC 6265, 5.4)."""
    cookies: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            cookies.setdefault(name.strip(), value.strip())
    return cookies


@dataclass(frozen=True, slots=True)
class SessionAdmission:
    user_id: Key
    key: str
    expires_at: float | None = None


class SessionAuthenticator:
    """Django's own sessions: whoever is logged in on the site."""

    def authenticate(self, handshakes: Sequence[Handshake]) -> list[SessionAdmission | None]:
        return [self._admit(handshake.cookies.get(settings.SESSION_COOKIE_NAME)) for handshake in handshakes]

    def still_admitted(self, admissions: Sequence[Admission]) -> list[bool]:
        return [self._admit(admission.key) is not None for admission in admissions]

    def _admit(self, session_key: str | None) -> SessionAdmission | None:
        from django.contrib.auth import get_user
        from django.http import HttpRequest

        if not session_key:
            return None
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
        user = get_user(request)
        if not user.is_authenticated:
            return None
        expires_at = request.session.get_expiry_date().timestamp()
        return SessionAdmission(cast(Any, user).pk, session_key, expires_at)


@lru_cache(maxsize=1)
def authenticator() -> Authenticator:
    make = cast(Callable[[], Authenticator], import_string(cable_settings().authenticator))
    return make()


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        authenticator.cache_clear()
