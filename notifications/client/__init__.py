"""
A client of the cable, for scripts, workers and tests: it resumes where it was, and says when to refetch.

    from sync_cable.client import Cable, Refetch

    with Cable("wss://lessy.example/cable", token=token) as cable:
        for told in cable:
            if isinstance(told, Refetch):
                read_everything()
            else:
                read(told.resource, told.id)

`AsyncCable` is the same with `async with` and `async for`. It needs the package websockets:
`pip install django-sync-cable[client]`. It needs no Django settings.
"""

from importlib.util import find_spec

if find_spec("websockets") is None:
    raise ImportError("sync_cable.client needs websockets: pip install django-sync-cable[client]")

from .async_cable import AsyncCable
from .cable import Cable
from .told import CableError, Change, Disconnected, Refetch, Refused, Told

__all__ = ["AsyncCable", "Cable", "CableError", "Change", "Disconnected", "Refetch", "Refused", "Told"]
