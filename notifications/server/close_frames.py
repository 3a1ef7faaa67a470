"""
Which code answers a close frame (RFC 6455, 5.5.1 and 7.4). Pure.
"""

PROTOCOL_ERROR = 1002
INVALID_PAYLOAD = 1007

# The codes below 3000 that a peer may send: those of RFC 6455, 7.4.1, and those registered later. 1005, 1006
# and 1015 stand for closes without a frame, and are never sent.
_REGISTERED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
# 3000-3999 can be registered with IANA, 4000-4999 belong to applications.
_FREE = range(3000, 5000)


def answer_to(code: int | None, reason: bytes | None) -> int | None:
    """
    Returns the code of our close frame: the peer's own code, or the error in its frame. None if the peer's
    frame had no code: then ours has none.
    """
    if code is None:
        return None
    if code not in _REGISTERED and code not in _FREE:
        return PROTOCOL_ERROR
    return code if _is_utf8(reason or b"") else INVALID_PAYLOAD


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
