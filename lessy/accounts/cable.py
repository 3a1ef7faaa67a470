"""The cable's authenticator. A token never appears in a log line or in the text of an exception."""

import time
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote

from lessy.accounts import tokens
from lessy.accounts.authentication import bare_token
from lessy.accounts.models import AccessToken

CHUNK = 500


class Handshake(Protocol):
    @property
    def cookies(self) -> Mapping[str, str]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Admission:
    user_id: int
    key: str
    expires_at: float | None  # epoch seconds


_KEY = {"type": "httpApiKey", "name": "Authorization"}
_HEADER = "The token, with or without Bearer before it; for clients that are no browsers."


class TokenAuthenticator:
    # For the AsyncAPI document.
    security_schemes: Mapping[str, Mapping[str, str]] = MappingProxyType(
        {"cookie": {**_KEY, "in": "cookie"}, "header": {**_KEY, "in": "header", "description": _HEADER}}
    )

    def authenticate(self, handshakes: Sequence[Handshake]) -> list[Admission | None]:
        """One query for all handshakes; no query if no credential is one of our tokens."""
        asked = [_credentials(handshake) for handshake in handshakes]
        rows = iter(tokens.verify_many([token for each in asked for token in each], expired=True))
        found = [[next(rows) for _ in each] for each in asked]
        return [_best(_admission(row) for row in theirs if row) for theirs in found]

    def still_admitted(self, admissions: Sequence[Admission]) -> list[bool]:
        keys = [admission.key for admission in admissions]
        valid: set[str] = set()
        for start in range(0, len(keys), CHUNK):
            rows = AccessToken.objects.valid().filter(key__in=keys[start : start + CHUNK])
            valid.update(rows.values_list("key", flat=True))
        return [key in valid for key in keys]


def _best(admissions: Iterable[Admission]) -> Admission | None:
    """The first admission (of the header, of the cookie) that has not expired; else the first one."""
    found, now = list(admissions), time.time()
    return next((each for each in found if (each.expires_at or now + 1) > now), found[0] if found else None)


def _credentials(handshake: Handshake) -> tuple[str, str]:
    """
    The header first, because a cookie may be an old one that the client has kept; never the query string.
    Both are checked, because the header may hold the password for a proxy in front of us.
    """
    header = handshake.headers.get("authorization", "")
    cookie = handshake.cookies.get("Authorization", "")
    return _password(header) or bare_token(header), bare_token(unquote(cookie.strip('"')))


def _password(header: str) -> str | None:
    """Of Basic authentication, which clients send that take only a URL (wss://token:TOKEN@host/cable)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(encoded, validate=True).decode("latin-1").partition(":")[2]
    except ValueError:
        return None


def _admission(row: AccessToken) -> Admission:
    return Admission(row.user_id, row.key, row.expires_at.timestamp())
