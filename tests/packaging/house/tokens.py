from dataclasses import dataclass
from typing import Any

from rest_framework.authtoken.models import Token


@dataclass(frozen=True)
class Admission:
    user_id: Any
    key: str
    expires_at: float | None = None


class TokenAuthenticator:
    def authenticate(self, handshakes):
        keys = [each.headers.get("authorization", "").removeprefix("Token ") for each in handshakes]
        users = _users_by(keys)
        return [Admission(users[key], key) if key in users else None for key in keys]

    def still_admitted(self, admissions):
        users = _users_by([admission.key for admission in admissions])
        return [admission.key in users for admission in admissions]


def _users_by(keys):
    return dict(Token.objects.filter(key__in=keys).values_list("key", "user_id"))
