"""
Connects signal receivers only for the models that settings.CABLE names, and again when the setting changes.

A receiver for every model would slow down every model: Django would read each row before it deletes it, and
call the receiver for each row that it reads.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db.models.signals import ModelSignal
from django.dispatch import receiver


class Receiver(NamedTuple):
    """name: unique among the receivers of this signal and model."""

    signal: ModelSignal
    sender: Any
    call: Callable[..., None]
    name: str

    @property
    def uid(self) -> str:
        return f"sync_cable.{self.name}"

    def connect(self) -> None:
        self.signal.connect(self.call, sender=self.sender, weak=False, dispatch_uid=self.uid)

    def disconnect(self) -> None:
        self.signal.disconnect(sender=self.sender, dispatch_uid=self.uid)


Wanted = Callable[[], Iterable[Receiver]]

# The connected receivers of each function that names them.
_watched: dict[Wanted, list[Receiver]] = {}


def watch(wanted: Wanted) -> None:
    """Connect the receivers that `wanted` names, now and whenever settings.CABLE changes."""
    for each in _watched.pop(wanted, ()):
        each.disconnect()
    connected = _watched[wanted] = []
    # Wrong settings are reported by the system checks.
    with contextlib.suppress(ImproperlyConfigured, TypeError):
        for each in wanted():
            each.connect()
            connected.append(each)


@receiver(setting_changed)
def _watch_others(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        for wanted in tuple(_watched):
            watch(wanted)
