"""Authenticators without a database, for tests of what follows the authentication."""

from collections.abc import Sequence
from typing import Any


class AdmitsAll:
    """admission: the result for every handshake."""

    admission: Any

    def authenticate(self, handshakes: Sequence[Any]) -> list[Any]:
        return [self.admission for _ in handshakes]

    def still_admitted(self, admissions: Sequence[Any]) -> list[bool]:
        return [True for _ in admissions]
