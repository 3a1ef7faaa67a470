"""Authenticators that ask nobody, for tests of what comes after them."""

from collections.abc import Sequence
from typing import Any


class AdmitsAll:
    """admission: of whoever comes."""

    admission: Any

    def authenticate(self, handshakes: Sequence[Any]) -> list[Any]:
        return [self.admission for _ in handshakes]

    def still_admitted(self, admissions: Sequence[Any]) -> list[bool]:
        return [True for _ in admissions]
