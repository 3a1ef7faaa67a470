"""
From where somebody has logged in before. Log-ins from there have a count of their own, so that guesses from
elsewhere, of however many addresses, cannot lock the owner of the account out.
"""

from hashlib import sha256

from lessy.accounts.models import User
from lessy.api import counters

FOR_SECONDS = 30 * 24 * 3600


def remember(user: User, address: str) -> None:
    counters.remember(_key(user, address), FOR_SECONDS)


def is_known(user: User, address: str) -> bool:
    return counters.remembers(_key(user, address))


def _key(user: User, address: str) -> str:
    return f"known:{user.pk}:{sha256(address.encode()).hexdigest()}"
