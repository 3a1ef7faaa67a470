"""
For the tests of projects that use this app.

    with captured_notifications() as batches:
        with transaction.atomic():
            Task.objects.create(user=alice, label="buy tea")
    assert batches == [[{"action": "create#tasks", "id": 1}]]
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from notifications import publisher
from notifications.payloads import Change


@contextmanager
def captured_notifications() -> Iterator[list[list[dict[str, Any]]]]:
    """
    What is announced meanwhile, and not sent: a list per commit, of payloads as clients receive them.

    Commits count, as in production: in a TestCase use captureOnCommitCallbacks(execute=True).
    """
    batches: list[list[dict[str, Any]]] = []

    def collect(changes: Sequence[Change]) -> None:
        batches.append([json.loads(change.payload) for change in changes])

    with mock.patch.object(publisher, "publish", collect):
        yield batches
