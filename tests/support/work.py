"""
Counts the work of a call instead of timing it, so that tests of the cost of hostile input have the same
result on every machine.
"""

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from django.contrib.auth import hashers
from django.db import connection

from lessy.accounts import rules, tokens

# Functions that may take more than one step per character, or that pass text to such functions: module, name.
COSTLY: list[tuple[Any, str]] = [
    (unicodedata, "normalize"),
    (re, "fullmatch"),
    (re, "match"),
    (re, "search"),
    (re, "sub"),
    (rules, "sanitize_address"),
    (tokens.jwt, "decode"),
    (hashers.MD5PasswordHasher, "encode"),
]


@dataclass
class Work:
    calls: int = 0  # of functions, Python's own included
    longest: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # text given, in characters

    def note(self, name: str, given: Any) -> None:
        texts = [len(each) for each in given if isinstance(each, str | bytes)]
        self.longest[name] = max([self.longest[name], *texts])


@contextmanager
def counted() -> Iterator[Work]:
    """Counts calls in this thread, and records the longest text given to each costly function and to SQL."""
    work = Work()
    patches = [patch.object(where, name, _noting(work, where, name)) for where, name in COSTLY]
    for each in patches:
        each.start()
    with connection.execute_wrapper(_noting_sql(work)):
        sys.setprofile(lambda _, event, __: _count(work, event))
        try:
            yield work
        finally:
            sys.setprofile(None)
            for each in patches:
                each.stop()


def _count(work: Work, event: str) -> None:
    work.calls += event in ("call", "c_call")


def _noting(work: Work, where: Any, name: str) -> Callable[..., Any]:
    real = getattr(where, name)

    def noting(*args: Any, **kwargs: Any) -> Any:
        work.note(name, [*args, *kwargs.values()])
        return real(*args, **kwargs)

    return noting


def _noting_sql(work: Work) -> Callable[..., Any]:
    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        work.note("SQL", params or [])
        return execute(sql, params, many, context)

    return noting
