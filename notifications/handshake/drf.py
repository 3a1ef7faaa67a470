"""
The tokens of Django REST framework (rest_framework.authtoken), for CABLE["AUTHENTICATOR"].

    CABLE["AUTHENTICATOR"] = "sync_cable.handshake.drf.TokenAuthenticator"

A token is sent in the header `Authorization: Token <key>`, as with any request to the API, or in a cookie,
since a browser's websocket cannot set headers.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.checks import CheckMessage, Error

from ..wire.payloads import Key
from .authentication import Admission, Handshake, OfUsers

APP = "rest_framework.authtoken"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class TokenAdmission:
    user_id: Key
    key: str
    # DRF's tokens do not expire.
    expires_at: float | None = None


class TokenAuthenticator(OfUsers):
    """
    Subclass it for another cookie, keyword or model (with `key` and `user`, as DRF's). The deletion of a
    token ends its sockets (operations/ended_rights.py).
    """

    keyword = "Token"
    cookie = "cable_token"

    @property
    def security_schemes(self) -> dict[str, dict[str, str]]:
        header = {"type": "httpApiKey", "name": "Authorization", "in": "header"}
        return {
            "cookie": {"type": "httpApiKey", "name": self.cookie, "in": "cookie"},
            "header": {**header, "description": f"{self.keyword}, a space, and the token."},
        }

    @classmethod
    def model(cls) -> Any:
        from rest_framework.authtoken.models import Token  # optional, and a model

        return Token

    @classmethod
    def checks(cls) -> list[CheckMessage]:
        with contextlib.suppress(ImportError):
            # DRF's own is abstract unless its app is installed.
            if not cls.model()._meta.abstract:
                return []
        return [
            Error(
                "settings.CABLE['AUTHENTICATOR'] asks for the tokens of Django REST framework, which are not"
                " installed",
                hint=f"Add {APP!r} to INSTALLED_APPS, and migrate.",
                id="sync_cable.E017",
            )
        ]

    def authenticate(self, handshakes: Sequence[Handshake]) -> list[TokenAdmission | None]:
        """If both are sent, the token in the header counts if it is valid, otherwise the cookie's."""
        offered = [tuple(self._keys(handshake)) for handshake in handshakes]
        users = self._users_by({key for keys in offered for key in keys})
        good = [next((key for key in keys if key in users), None) for keys in offered]
        return [None if key is None else TokenAdmission(users[key], key) for key in good]

    def still_admitted(self, admissions: Sequence[Admission]) -> list[bool]:
        users = self._users_by({admission.key for admission in admissions})
        return [users.get(admission.key) == admission.user_id for admission in admissions]

    def _keys(self, handshake: Handshake) -> Iterator[str]:
        keyword, _, credentials = handshake.headers.get("authorization", "").partition(" ")
        header = credentials.strip() if keyword.lower() == self.keyword.lower() else ""
        for key in (header, handshake.cookies.get(self.cookie, "")):
            if _KEY.fullmatch(key):
                yield key

    def _users_by(self, keys: set[str]) -> dict[str, Any]:
        """One query. is_active is read from the user, because it need not be a column."""
        tokens = self.model()._default_manager.select_related("user").filter(key__in=keys) if keys else ()
        return {token.key: token.user.pk for token in tokens if token.user.is_active}
