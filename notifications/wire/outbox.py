"""
The frames that wait to be written to one congested socket. Pure: no I/O.

Bounded in frames and in bytes; control frames go first; of several notifications of one row only the latest
stays. A client that overfills it is too slow to be served.
"""

from collections import deque
from collections.abc import Hashable


class OutboxFull(Exception):
    pass


class Outbox:
    __slots__ = ("_control", "_data", "bytes", "max_bytes", "max_frames")

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self.max_frames = max_frames
        self.max_bytes = max_bytes
        self.bytes = 0
        self._control: deque[str] = deque()
        self._data: dict[Hashable, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._control) + len(self._data)

    def put_control(self, frame: str) -> None:
        """Raises OutboxFull, and is then unchanged."""
        self._reserve(len(frame), 1)
        self._control.append(frame)

    def put(self, frame: str, key: Hashable = None, rank: int = 0) -> None:
        """
        key: of several frames with one key only the last stays, or the one before if its rank is higher;
        None for a frame that nothing replaces. Raises OutboxFull, and is then unchanged.
        """
        if key is None:
            key = object()
        replaced, highest = self._data.get(key, ("", rank))
        if highest > rank:
            return
        self._reserve(len(frame) - len(replaced), 0 if replaced else 1)
        # To the end: the offsets of an extended connection must increase.
        self._data.pop(key, None)
        self._data[key] = frame, rank

    def pop(self) -> str | None:
        """The next frame to write, or None."""
        if self._control:
            frame = self._control.popleft()
        elif self._data:
            frame, _ = self._data.pop(next(iter(self._data)))
        else:
            return None
        self.bytes -= len(frame)
        return frame

    def _reserve(self, size: int, frames: int) -> None:
        if len(self) + frames > self.max_frames or self.bytes + size > self.max_bytes:
            raise OutboxFull
        self.bytes += size
