"""
Whether this process runs the tests of a project: nobody's clients wait for what tests save, and a test run
must neither be stopped, delayed nor warned by what the cable lacks.
"""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core import checks

_seen = False


def in_test_run() -> bool:
    """Also afterwards: a process that has run tests exits as one."""
    global _seen
    _seen = _seen or _is_set_up()
    return _seen


def _is_set_up() -> bool:
    """By setup_test_environment(), of Django's runner or pytest-django. Nobody else imports the module."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def stops_no_tests(check: Callable[..., Iterable[checks.CheckMessage]]) -> Callable[..., Any]:
    """A check whose errors are warnings in a test run, which would end with them."""

    @wraps(check)
    def checked(*args: Any, **options: Any) -> list[checks.CheckMessage]:
        found = check(*args, **options)
        return [_as_warning(each) for each in found] if in_test_run() else list(found)

    return checked


def _as_warning(message: checks.CheckMessage) -> checks.CheckMessage:
    return checks.CheckMessage(
        min(message.level, checks.WARNING), message.msg, hint=message.hint, obj=message.obj, id=message.id
    )
