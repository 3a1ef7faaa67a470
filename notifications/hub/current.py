"""
Finds the hub: that of the running event loop and, if a process serves several tenants, of the tenant.
"""

import asyncio
from weakref import WeakKeyDictionary

from ..broker.installation import is_by_tenant, prefix
from .hub import Hub

# One hub per loop; or, if a process serves several tenants, one per tenant, by its prefix. A hub's tasks and
# threads run in the context in which the hub was made, so they see no other tenant.
_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Hub]]" = WeakKeyDictionary()


def current_hub() -> Hub:
    """
    The hub of the running loop, and of the current tenant; made and started on first use. Raises what
    CABLE["PREFIX"] raises where there is no tenant.
    """
    hubs = _hubs.setdefault(asyncio.get_running_loop(), {})
    tenant = _current_tenant()
    if tenant not in hubs:
        hubs[tenant] = Hub()
        hubs[tenant].start()
    return hubs[tenant]


def running_hub() -> Hub | None:
    """As current_hub, but None if there is none yet."""
    return _hubs.get(asyncio.get_running_loop(), {}).get(_current_tenant())


def hubs_of_process() -> list[tuple[asyncio.AbstractEventLoop, Hub]]:
    """
    The hubs of the current tenant, on every loop that runs in this process. Can be called on any thread.
    """
    tenant = _current_tenant()
    found = [(loop, hubs.get(tenant)) for loop, hubs in list(_hubs.items()) if loop.is_running()]
    return [(loop, hub) for loop, hub in found if hub is not None]


def hubs_of_loop() -> list[Hub]:
    """The hubs of all tenants on the running loop."""
    return list(_hubs.get(asyncio.get_running_loop(), {}).values())


async def stop_hub() -> None:
    """Stops the hubs of the running loop."""
    for hub in _hubs.pop(asyncio.get_running_loop(), {}).values():
        await hub.stop()


def _current_tenant() -> str:
    return prefix() if is_by_tenant() else ""
