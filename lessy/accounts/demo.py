"""The demo's users, whom `manage.py seed` creates where DEBUG is on; their password is known to everybody."""

from lessy.accounts.models import User

USERNAME = "dalecooper"
PASSWORD = "secret"  # noqa: S105


def login() -> dict[str, str] | None:
    """What the start page offers in DEBUG; None before `manage.py seed`."""
    if not User.objects.filter(username=USERNAME).exists():
        return None
    return {"username": USERNAME, "password": PASSWORD}
