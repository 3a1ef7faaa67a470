"""
Every change of an account. The services raise errors of lessy.api.errors: ValidationErrors for broken rules,
ApiError for an operation that is not allowed. Mails are sent after the commit.
"""

from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypedDict

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from lessy.accounts import mail_tokens, mails, rules, tokens
from lessy.accounts.models import AccessToken, TermsOfService, User
from lessy.api.errors import ApiError, ValidationErrors, record_not_found
from lessy.ground.locks import owner_locked

SUDO = timedelta(minutes=15)
A_DAY = timedelta(days=1)
BETWEEN_RESETS = timedelta(minutes=5)


class Profile(TypedDict, total=False):
    """An absent key leaves the column as it is."""

    email: str
    username: str
    time_zone: str


def a_month() -> timedelta:
    """From now to the same day of the next month, or to the last day of a shorter one."""
    now = timezone.now()
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    day = min(now.day, monthrange(year, month)[1])
    return now.replace(year=year, month=month, day=day) - now


def find_by_name(name: str) -> User | None:
    """By user name or address, case-sensitive; only active users."""
    if len(name) > rules.ADDRESS_LENGTH:
        return None
    return User.objects.filter(Q(username=name) | Q(email=name), is_active=True).order_by("pk").first()


def log_in(*, name: str, password: str, sudo: bool) -> tuple[User, str]:
    """Returns: the user and a new token. Raises: login_failed, whatever the reason."""
    if rules.broken_password(password):
        raise ApiError("login_failed")
    user = find_by_name(name)
    if user is None or user.activated_at is None:
        make_password(password)  # as slow as a wrong password, so that the time does not show if it exists
        raise ApiError("login_failed")
    if not user.check_password(password):
        raise ApiError("login_failed")
    checked = user.password
    with _locked(user, gone=ApiError("login_failed")):
        if user.password != checked:  # changed meanwhile: that revoked all tokens, so none is issued
            raise ApiError("login_failed")
        return user, tokens.issue(user, sudo=sudo, lifetime=SUDO if sudo else a_month())


def register(*, email: str) -> tuple[User, str]:
    """Creates a pending user without name and password; the activation mail asks for them."""
    user = User(email=email, accepted_terms=TermsOfService.objects.current())
    user.set_unusable_password()
    with transaction.atomic():
        _save(user, "email")
        _renew_activation(user)
        mails.send_activation_needed(user)
        return user, tokens.issue(user, lifetime=A_DAY)


def resend_activation(*, email: str) -> None:
    """Only a pending user is sent the mail; an activated one is not."""
    with _locked(_find(email=email)) as user:
        if user.activated_at is None:
            if not mail_tokens.may_activate_for_long(user):
                _renew_activation(user)
            mails.send_activation_needed(user)


def find_by_activation_token(token: str) -> User:
    user = _find_by_token(token, "activation_token")
    if not mail_tokens.may_activate(user):
        raise record_not_found("user")
    return user


def activate(*, user: User, username: str, password: str) -> str:
    """Returns: a new token. The one of the registration is revoked: it does not prove the address."""
    user.username = username
    broken = [*user.broken_rules("username"), *_broken_password(password)]
    hashed = _hashed(password, broken)
    with _locked(user):
        if not mail_tokens.may_activate(user):
            raise record_not_found("user")
        user.username, user.activated_at, user.activation_token = username, timezone.now(), None
        user.set_hash(hashed)
        _save(user, "username", also=("activated_at", "activation_token", "password"))
        mails.send_activation_done(user)
        return tokens.issue(user, lifetime=a_month())


def request_reset(*, email: str) -> None:
    """Sends at most one mail in five minutes; until then the last one stays valid."""
    with _locked(_find(email=email)) as user:
        _refuse_pending(user)
        now = timezone.now()
        if user.reset_sent_at and now - user.reset_sent_at < BETWEEN_RESETS:
            return
        mail_tokens.renew_reset(user, now)
        user.save(update_fields=["reset_token", "reset_sent_at"])
        mails.send_password_reset(user)


def find_by_reset_token(token: str) -> User:
    user = _find_by_token(token, "reset_token")
    if not mail_tokens.may_reset(user):
        raise record_not_found("user")
    _refuse_pending(user)
    return user


def reset_password(*, user: User, password: str) -> str:
    """Returns: a new token. All others are revoked."""
    hashed = _hashed(password, _broken_password(password))
    with _locked(user):
        if not mail_tokens.may_reset(user):
            raise record_not_found("user")
        _store_hash(user, hashed)
        return tokens.issue(user, lifetime=a_month())


def change_password(*, user: User, password: str, keep: AccessToken) -> None:
    """Revokes all tokens except `keep`."""
    hashed = _hashed(password, _broken_password(password))
    with _locked(user):
        if not AccessToken.objects.valid().filter(pk=keep.pk).exists():  # revoked during the hashing
            raise ApiError("unauthorized")
        _store_hash(user, hashed, keep)


def set_hash(*, user: User, hashed: str) -> bool:
    """For inactive users too. Revokes all tokens. Returns: whether the user still exists."""
    with owner_locked(user.pk) as there:
        if there:
            user.refresh_from_db()
            _store_hash(user, hashed)
        return there


def update_profile(*, user: User, changes: Profile) -> None:
    with _locked(user):
        for name, value in changes.items():
            setattr(user, name, value)
        _save(user, *changes)


def accept_terms(*, user: User) -> None:
    with _locked(user):
        user.accepted_terms = TermsOfService.objects.current()
        user.save(update_fields=["accepted_terms"])


def delete_user(*, user: User) -> None:
    """Deletes the user with all their rows."""
    with _locked(user):
        user.delete()


def _find(**fields: str) -> User:
    """Raises: record_not_found, without a query if a value is too long for the column."""
    if any(len(value) > rules.ADDRESS_LENGTH for value in fields.values()):
        raise record_not_found("user")
    user = User.objects.filter(**fields, is_active=True).first()
    if user is None:
        raise record_not_found("user")
    return user


def _find_by_token(token: str, column: str) -> User:
    """By the digest of a mailed token. The caller must still check the token with mail_tokens."""
    if len(token) > rules.MAIL_TOKEN_LENGTH:
        raise record_not_found("user")
    return _find(**{column: mail_tokens.digest(token)})


def _renew_activation(user: User) -> None:
    mail_tokens.renew_activation(user, timezone.now())
    user.save(update_fields=["activation_token", "activation_sent_at"])


@contextmanager
def _locked(user: User, gone: ApiError | None = None) -> Iterator[User]:
    """The current row of the user, under the lock. Raises: `gone` if the user was deleted or is inactive."""
    with owner_locked(user.pk) as there:
        if there:
            user.refresh_from_db()
        if not there or not user.is_active:
            raise gone or ApiError("unauthorized")
        yield user


def _refuse_pending(user: User) -> None:
    if user.activated_at is None:
        raise ApiError("user_inactive", pointer="/user")


def _broken_password(password: str) -> list[tuple[str, str]]:
    return [("password", code) for code in rules.broken_password(password)]


def _hashed(password: str, broken: list[tuple[str, str]]) -> str:
    """Call it before taking a lock: hashing is slow. Raises: ValidationErrors if a rule is broken."""
    if broken:
        raise ValidationErrors("user", broken)
    return make_password(password)


def _store_hash(user: User, hashed: str, keep: AccessToken | None = None) -> None:
    user.set_hash(hashed)
    user.reset_token = None
    user.save(update_fields=["password", "reset_token"], keep=keep)


def _save(user: User, *fields: str, also: tuple[str, ...] = ()) -> None:
    """Validates and saves `fields`, and saves `also` unvalidated. Of a new user all columns are saved."""
    if errors := user.broken_rules(*fields):
        raise ValidationErrors("user", errors)
    try:
        with transaction.atomic():
            user.save(update_fields=[*fields, *also] if user.pk else None)
    except IntegrityError:  # a concurrent request took the name or the address
        raise ValidationErrors("user", user.broken_rules(*fields)) from None
