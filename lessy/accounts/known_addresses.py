"""
The addresses from which a user has logged in before. Logins from there have a rate limit counter of their
own: an attacker who guesses from elsewhere, with any number of addresses, cannot lock the user out.
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
