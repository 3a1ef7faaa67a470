from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db.models import Q

from lessy.accounts import tokens
from lessy.accounts.models import User
from lessy.api.errors import ApiError

MONTH = timedelta(days=30)
SUDO = timedelta(minutes=15)


def log_in(*, name: str, password: str, sudo: bool) -> tuple[User, str]:
    """Returns: the user and a new token. Raises: login_failed, whatever the reason."""
    user = User.objects.filter(Q(username=name) | Q(email=name), is_active=True).first()
    if user is None or user.activated_at is None:
        make_password(password)  # as slow as a wrong password, so that names cannot be told apart
        raise ApiError("login_failed")
    if not user.check_password(password):
        raise ApiError("login_failed")
    return user, tokens.issue(user, sudo=sudo, lifetime=SUDO if sudo else MONTH)
