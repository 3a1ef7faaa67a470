"""
Receivers of signals, for those models alone that settings.CABLE names, and for others when it changes.

A receiver for every model would cost every model: Django reads each row before it deletes it, and calls for
each row that it reads.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db.models.signals import ModelSignal
from django.dispatch import receiver


class Receiver(NamedTuple):
    """name: no other receiver of this signal and model has it."""

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

# Of each function that says what is wanted, what is connected.
_watched: dict[Wanted, list[Receiver]] = {}


def watch(wanted: Wanted) -> None:
    """Connect these receivers, and from then on those that it names whenever settings.CABLE changes."""
    for each in _watched.pop(wanted, ()):
        each.disconnect()
    connected = _watched[wanted] = []
    # What is wrong with the settings is the checks' to say.
    with contextlib.suppress(ImproperlyConfigured, TypeError):
        for each in wanted():
            each.connect()
            connected.append(each)


@receiver(setting_changed)
def _watch_others(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        for wanted in tuple(_watched):
            watch(wanted)
