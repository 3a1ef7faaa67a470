"""
The tokens in mailed links. A token is derived, with the secret key, from the user's row: from the time and
address of the mail and, for a password reset, from the hash of the present password. So any change of these
invalidates the token. The database stores only a digest, to find the user by.
"""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from lessy.accounts.models import User

BYTES = 15  # 20 URL-safe characters
DIGEST_LENGTH = 40  # hexadecimal digits


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()[:DIGEST_LENGTH]


def activation_token(user: User) -> str:
    return _derive("activation", user, user.activation_sent_at, user.email)


def reset_token(user: User) -> str:
    return _derive("reset", user, user.reset_sent_at, user.email, user.password)


def renew_activation(user: User, now: datetime) -> None:
    user.activation_sent_at = now
    user.activation_token = digest(activation_token(user))


def renew_reset(user: User, now: datetime) -> None:
    user.reset_sent_at = now
    user.reset_token = digest(reset_token(user))


def may_activate(user: User) -> bool:
    """Whether the mailed token is still valid: not used, not expired, sent to the present address."""
    return user.activation_token == digest(activation_token(user)) and _activation_left(user) > timedelta()


def may_activate_for_long(user: User) -> bool:
    """Whether the same token may be sent again: past half of its lifetime it is replaced."""
    return may_activate(user) and _activation_left(user) > _activation_life() / 2


def may_reset(user: User) -> bool:
    """The same for the token of a password reset; any other change of the password invalidates it too."""
    life = timedelta(hours=settings.LESSY_RESET_HOURS)
    return user.reset_token == digest(reset_token(user)) and _left(user.reset_sent_at, life) > timedelta()


def _activation_left(user: User) -> timedelta:
    return _left(user.activation_sent_at, _activation_life())


def _activation_life() -> timedelta:
    return timedelta(days=settings.LESSY_ACTIVATION_DAYS)


def _left(sent_at: datetime | None, life: timedelta) -> timedelta:
    return timedelta() if sent_at is None else sent_at + life - timezone.now()


def _derive(purpose: str, user: User, sent_at: datetime | None, *bound: str) -> str:
    """Each part is prefixed with its length, so that two different lists never give the same text."""
    at = "" if sent_at is None else sent_at.astimezone(UTC).isoformat()
    parts = "".join(f"{len(part)}:{part}" for part in (str(user.pk), at, *bound))
    mac = salted_hmac(f"lessy.accounts.{purpose}", parts, algorithm="sha256").digest()
    return urlsafe_b64encode(mac[:BYTES]).decode()
