from calendar import monthrange
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db.models import Q
from django.utils import timezone

from lessy.accounts import tokens
from lessy.accounts.models import User
from lessy.api.errors import ApiError

SUDO = timedelta(minutes=15)


def a_month() -> timedelta:
    """From now to the same day of the next month, or to its last."""
    now = timezone.now()
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    day = min(now.day, monthrange(year, month)[1])
    return now.replace(year=year, month=month, day=day) - now


def log_in(*, name: str, password: str, sudo: bool) -> tuple[User, str]:
    """Returns: the user and a new token. Raises: login_failed, whatever the reason."""
    user = User.objects.filter(Q(username=name) | Q(email=name), is_active=True).order_by("pk").first()
    if user is None or user.activated_at is None:
        make_password(password)  # as slow as a wrong password, so that names cannot be told apart
        raise ApiError("login_failed")
    if not user.check_password(password):
        raise ApiError("login_failed")
    return user, tokens.issue(user, sudo=sudo, lifetime=SUDO if sudo else a_month())
