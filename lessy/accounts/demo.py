"""The demo user, and the public password of all demo users: `manage.py seed` creates them in DEBUG only."""

from lessy.accounts.models import User

USERNAME = "dalecooper"
PASSWORD = "secret"  # noqa: S105


def login() -> dict[str, str] | None:
    """The credentials that the start page offers in DEBUG; None before `manage.py seed`."""
    if not User.objects.filter(username=USERNAME).exists():
        return None
    return {"username": USERNAME, "password": PASSWORD}
