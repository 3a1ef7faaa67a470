"""
How a close frame is answered (RFC 6455, 5.5.1 and 7.4). Pure.
"""

PROTOCOL_ERROR = 1002
INVALID_PAYLOAD = 1007

# What a peer may send of the range that the protocol keeps for itself: RFC 6455, 7.4.1, and what was
# registered later. 1005, 1006 and 1015 stand for closes without a frame, and are never sent.
_REGISTERED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
# 3000-3999 can be registered with IANA, 4000-4999 belong to applications.
_FREE = range(3000, 5000)


def answer_to(code: int | None, reason: bytes | None) -> int | None:
    """
    The code of the answer: the peer's own, or what is wrong with its frame. None: the frame had no code, and
    the answer has none.
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
