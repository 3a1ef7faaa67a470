"""Issues, verifies and revokes tokens: the one place that knows JWTs."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import jwt
from django.conf import settings
from django.utils import timezone

from lessy.accounts.models import AccessToken, AccessTokenQuerySet, User

ALGORITHM = "HS256"
LONGEST = 4096
USED_EVERY = timedelta(minutes=1)  # how exact last_used_at is


@dataclass(frozen=True)
class Claims:
    user_id: int
    sudo: bool
    jti: str
    exp: float  # epoch seconds


def issue(user: User, *, sudo: bool = False, lifetime: timedelta) -> str:
    expires_at = (timezone.now() + lifetime).replace(microsecond=0)
    key = secrets.token_hex(16)
    AccessToken.objects.create(user=user, key=key, sudo=sudo, expires_at=expires_at)
    data = {"user_id": user.pk, "sudo": sudo}
    payload = {"data": data, "exp": int(expires_at.timestamp()), "jti": key}
    return jwt.encode(payload, settings.SECRET_KEY, algorithm=ALGORITHM)


def decode(text: str) -> Claims | None:
    """Without a query. None if it is not signed by us, expired, or of another shape."""
    if len(text) > LONGEST:
        return None
    try:
        payload = jwt.decode(
            text, settings.SECRET_KEY, algorithms=[ALGORITHM], options={"require": ["exp", "jti"]}
        )
        data = payload["data"]
        return Claims(int(data["user_id"]), data["sudo"] is True, str(payload["jti"]), float(payload["exp"]))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
        return None


def verify(text: str) -> AccessToken | None:
    return verify_many([text])[0]


def verify_many(texts: Sequence[str]) -> list[AccessToken | None]:
    """In one query for all; none if no text is a token. Moves last_used_at, at most once a minute."""
    claims = [decode(text) for text in texts]
    keys = {claim.jti for claim in claims if claim}
    if not keys:
        return [None] * len(texts)
    rows = {row.key: row for row in AccessToken.objects.valid().filter(key__in=keys).select_related("user")}
    _touch(rows.values())
    return [_row_of(claim, rows) for claim in claims]


def revoke(tokens: AccessTokenQuerySet | Iterable[AccessToken]) -> None:
    AccessToken.objects.filter(pk__in=[token.pk for token in tokens]).revoke()


def revoke_all(user: User, *, keep: AccessToken | None = None) -> None:
    user.access_tokens.others(keep).revoke()


def _row_of(claim: Claims | None, rows: dict[str, AccessToken]) -> AccessToken | None:
    row = rows.get(claim.jti) if claim else None
    return row if row and claim and row.user_id == claim.user_id else None


def _touch(rows: Iterable[AccessToken]) -> None:
    now = timezone.now()
    stale = [row.pk for row in rows if row.last_used_at is None or now - row.last_used_at > USED_EVERY]
    if stale:
        AccessToken.objects.filter(pk__in=stale).update(last_used_at=now)
