"""
The canary: numbered notes that a process sends to itself over the broker, and what their echoes prove. Pure:
no clock.
"""

from collections.abc import Collection, Iterable, Iterator


class Canary:
    """
    One canary, with a group of its own. sung: the last note sent; heard: the last that came back.

    heard_at: when the note that came back last was sent. Everything published before it has arrived.
    """

    __slots__ = ("_unheard", "group", "heard", "heard_at", "sung")

    def __init__(self, group: str) -> None:
        self.group = group
        self.sung = self.heard = 0
        self.heard_at = 0.0
        self._unheard: dict[int, float] = {}

    def sing(self, now: float) -> str:
        """The next note, as it is sent."""
        self.sung += 1
        self._unheard[self.sung] = now
        return f"{self.group}:{self.sung}"

    def hear(self, note: int) -> bool:
        """Whether no note was skipped."""
        complete = note <= self.heard + 1
        for each in range(self.heard + 1, note + 1):
            self.heard_at = self._unheard.pop(each, self.heard_at)
        self.heard = max(self.heard, note)
        return complete

    def begin(self, now: float) -> None:
        """
        Begins on a new layer: notes of the previous layer will not come back, and an echo has proved that
        messages arrive now.
        """
        self._unheard.clear()
        self.heard, self.heard_at = self.sung, now


class Canaries:
    """
    All canaries of a process, one per group, so that every server of a layer carries some.

    heard_at: all notes that were sent up to this time have come back, of every canary.
    """

    def __init__(self, groups: Iterable[str], now: float) -> None:
        self._canaries = {group: Canary(group) for group in groups}
        self.heard_at = now

    @property
    def groups(self) -> Collection[str]:
        return self._canaries.keys()

    def sing(self, now: float) -> Iterator[tuple[str, str]]:
        """Each group, and the note to be sent to it."""
        for group, canary in self._canaries.items():
            yield group, canary.sing(now)

    def hear(self, note: str) -> bool:
        """Whether no note was skipped. True for a note that is not ours."""
        group, _, number = note.rpartition(":")
        canary = self._canaries.get(group)
        if canary is None:
            return True
        complete = canary.hear(int(number))
        self.heard_at = min(each.heard_at for each in self._canaries.values())
        return complete

    def begin(self, now: float) -> None:
        """As Canary.begin, of each."""
        for canary in self._canaries.values():
            canary.begin(now)
        self.heard_at = now
