"""Issues, verifies and revokes tokens. No other module handles JWTs."""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import jwt
from django.conf import settings
from django.utils import timezone
from jwt.types import Options

from lessy.accounts.models import AccessToken, AccessTokenQuerySet, User

ALGORITHM = "HS256"
LONGEST = 4096
_KEY = re.compile(r"[A-Za-z0-9]{1,32}")
USED_EVERY = timedelta(minutes=1)  # the resolution of last_used_at


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


def decode(text: str, *, expired: bool = False) -> Claims | None:
    """
    Makes no query. None if the token is not signed by us, has other claims, or has expired.

    expired: accept expired tokens too.
    """
    if len(text) > LONGEST:
        return None
    try:
        options: Options = {"require": ["exp", "jti"], "verify_exp": not expired}
        payload = jwt.decode(text, settings.SECRET_KEY, algorithms=[ALGORITHM], options=options)
        data = payload["data"]
        claims = Claims(data["user_id"], data["sudo"] is True, str(payload["jti"]), float(payload["exp"]))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    # The pattern excludes keys that databases refuse, such as one with a NUL.
    return claims if type(claims.user_id) is int and _KEY.fullmatch(claims.jti) else None


def verify(text: str) -> AccessToken | None:
    return verify_many([text])[0]


def verify_many(texts: Sequence[str], *, expired: bool = False) -> list[AccessToken | None]:
    """
    One query for all texts; none if no text is a token. Updates last_used_at, at most once a minute.

    expired: return tokens too that have expired but are otherwise valid.
    """
    claims = [decode(text, expired=expired) for text in texts]
    keys = {claim.jti for claim in claims if claim}
    if not keys:
        return [None] * len(texts)
    found = AccessToken.objects.unrevoked() if expired else AccessToken.objects.valid()
    rows = {row.key: row for row in found.filter(key__in=keys).select_related("user")}
    _touch(row for row in rows.values() if row.expires_at > timezone.now())
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
