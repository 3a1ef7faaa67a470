"""
Handshake credentials → user, through a class named in settings.CABLE["AUTHENTICATOR"].

It gets several handshakes at a time (a reconnect storm costs a query per batch, not per socket), on a
thread of the hub's own. It may be anything with the two methods of Authenticator.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from ..wire.payloads import ANONYMOUS, Key


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    The parts of the upgrade request that may carry credentials; the query string may not.

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


@dataclass(frozen=True, slots=True)
class Nobody:
    """The admission of a client that is not known, if CABLE["ANONYMOUS"] allows it."""

    user_id: Key = ANONYMOUS
    key: str = ""
    expires_at: float | None = None


def has_expired(admission: Admission, now: float) -> bool:
    """now: seconds since the epoch."""
    return admission.expires_at is not None and admission.expires_at <= now


class Authenticator(Protocol):
    def authenticate(self, handshakes: Sequence[Handshake]) -> Sequence[Admission | None]:
        """
        One answer per handshake, in order; None refuses it. An admission that has expired refuses it too, and
        tells a client of the extended protocol that a new token would help.
        """

    def still_admitted(self, admissions: Sequence[Admission]) -> Sequence[bool]:
        """
        Whether each admission would be given again. Called regularly: the message about a revocation can be
        lost.
        """


def parse_handshake(headers: Sequence[tuple[bytes, bytes]]) -> Handshake:
    """From the headers of an ASGI scope. Never raises: headers are latin-1 by definition."""
    named: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # RFC 9113, 8.2.3, and RFC 9110, 5.3.
        between = "; " if name == "cookie" else ", "
        named[name] = f"{named[name]}{between}{value}" if name in named else value
    return Handshake(cookies=_parse_cookies(named.get("cookie", "")), headers=named)


def _parse_cookies(header: str) -> dict[str, str]:
    """The first of several cookies with one name counts: it has the longer path (RFC 6265, 5.4)."""
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


class OfUsers:
    """
    The base of an authenticator whose user_id is the primary key of a user; the system checks of owners use
    it.
    """


class SessionAuthenticator(OfUsers):
    """
    Django's own sessions: admits users who are logged in on the site. A sign-out ends the sockets of its
    session (operations/ended_rights.py).
    """

    @property
    def security_schemes(self) -> dict[str, dict[str, str]]:
        return {"session": {"type": "httpApiKey", "name": settings.SESSION_COOKIE_NAME, "in": "cookie"}}

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
        request.session = _read_only(import_module(settings.SESSION_ENGINE).SessionStore(session_key))
        user = get_user(request)
        if not user.is_authenticated:
            return None
        expires_at = request.session.get_expiry_date().timestamp()
        return SessionAdmission(cast(Any, user).pk, session_key, expires_at)


def _read_only(session: Any) -> Any:
    """
    Makes a session read-only, because the answer to a handshake sets no cookie. get_user() gives a session
    that was signed with a key of SECRET_KEY_FALLBACKS a new key, and the browser would never receive it: its
    user would be signed out of the whole site. A session that is to be flushed admits nobody; the site
    flushes it at its next request.
    """
    # On this object only: the salt of what is signed contains the name of the class.
    for name in ("create", "save", "delete", "cycle_key", "flush"):
        setattr(session, name, _writes_nothing)
    return session


def _writes_nothing(*_: Any, **__: Any) -> None: ...
