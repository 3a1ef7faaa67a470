"""
Websocket frames as a server writes them (RFC 6455, 5.2). Pure.

For servers that let the hub write to the socket itself: a frame that many sockets share is made once.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

# The key of scope["extensions"] under which a server offers it; its "write" is a DirectWrite.
EXTENSION = "cable.direct"

# Writes a whole frame at once, and returns True; or writes nothing and returns False: then `send` is used.
DirectWrite = Callable[[bytes], bool]

_FINAL_TEXT = 0x81


def direct_write_of(scope: Mapping[str, Any]) -> DirectWrite | None:
    """None from a server without this extension: only server/server.py has it."""
    extension = scope.get("extensions", {}).get(EXTENSION)
    return extension["write"] if extension else None


@lru_cache(maxsize=256)
def text_frame(text: str) -> bytes:
    """
    One final text frame, unmasked. Cached: sockets with the same identifier, and pings, share their frames.
    """
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + payload
    if size < 65536:
        return bytes((_FINAL_TEXT, 126)) + size.to_bytes(2) + payload
    return bytes((_FINAL_TEXT, 127)) + size.to_bytes(8) + payload
