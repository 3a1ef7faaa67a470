"""Who may open a socket. A token never appears in a log line or in the text of an exception."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


class TokenAuthenticator:
    def authenticate(self, handshakes: Sequence[Handshake]) -> list[Admission | None]:
        """One query for all, and none where no credential is a token of ours."""
        rows = tokens.verify_many([_credential(handshake) for handshake in handshakes])
        return [_admission(row) if row else None for row in rows]

    def still_admitted(self, admissions: Sequence[Admission]) -> list[bool]:
        keys = [admission.key for admission in admissions]
        valid: set[str] = set()
        for start in range(0, len(keys), CHUNK):
            rows = AccessToken.objects.valid().filter(key__in=keys[start : start + CHUNK])
            valid.update(rows.values_list("key", flat=True))
        return [key in valid for key in keys]


def _credential(handshake: Handshake) -> str:
    """The cookie before the header; never the query string."""
    cookie = handshake.cookies.get("Authorization")
    if cookie:
        return bare_token(unquote(cookie.strip('"')))
    header = handshake.headers.get("authorization", "")
    return _password(header) or bare_token(header)


def _password(header: str) -> str | None:
    """Of Basic authentication: what clients send that know nothing but a URL (wss://token:TOKEN@host/cable)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(encoded, validate=True).decode("latin-1").partition(":")[2]
    except ValueError:
        return None


def _admission(row: AccessToken) -> Admission:
    return Admission(row.user_id, row.key, row.expires_at.timestamp())
