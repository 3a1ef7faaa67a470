"""
Whether this process runs a project's tests. No client waits for what tests save, and a test run must not be
stopped, delayed or warned because of something that the cable lacks.
"""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core import checks

_seen = False


def in_test_run() -> bool:
    """Stays True after the run, because the exit of the process belongs to it."""
    global _seen
    _seen = _seen or _is_set_up()
    return _seen


def _is_set_up() -> bool:
    """
    Whether setup_test_environment() was called, by Django's runner or pytest-django. Only they import the
    module.
    """
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def stops_no_tests(check: Callable[..., Iterable[checks.CheckMessage]]) -> Callable[..., Any]:
    """
    Decorates a system check: in a test run its errors become warnings, because an error would end the run.
    """

    @wraps(check)
    def checked(*args: Any, **options: Any) -> list[checks.CheckMessage]:
        found = check(*args, **options)
        return [_as_warning(each) for each in found] if in_test_run() else list(found)

    return checked


def _as_warning(message: checks.CheckMessage) -> checks.CheckMessage:
    return checks.CheckMessage(
        min(message.level, checks.WARNING), message.msg, hint=message.hint, obj=message.obj, id=message.id
    )
