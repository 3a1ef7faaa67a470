"""
What a position proves, and where a read for it starts. Pure: no clock, no I/O. All in microseconds since the
epoch, if nothing else is said.

Let `reconciled` be when the last complete pass of a process over the tables began. Whatever was committed
before it has been delivered there (catch_up.py has the proof). Clients are given positions: the offset of a
frame, and the time in a ping. Two rules make every one of them safe, whichever process it is sent
back to:

    given out:  at most `reconciled` + lag               (Reach.horizon)
    read from:  what is certain, the position - lag,     (Reach.certain)
                and one overlap before that              (Reach.start)

What the client was not sent was committed after `reconciled`, and so after the position - lag; since its
transaction took less than the overlap, its timestamp is later than where the read starts. The lag is how far
`reconciled` is behind the clock in normal operation, so that a position is normally the present time.
After a fault, when no pass was completed for longer than that, positions fall behind with the passes.

No other code adds the lag or the overlap to a position, or subtracts it.
"""

from typing import NamedTuple

MICROSECONDS = 1_000_000

# Each interval is up to this much shorter or longer, so that the processes do not all query at once.
JITTER = 0.2
# How long a pass may take before the positions that are given out fall behind the clock. It also covers that
# cursors, which must increase, are a microsecond ahead for each frame without a later position than the one
# before.
PASS_SECONDS = 5.0


class Reach(NamedTuple):
    """The numbers of one installation: all its processes must be configured alike. Both in microseconds."""

    overlap: int
    lag: int

    @classmethod
    def of(cls, overlap: float, reconcile_interval: float) -> "Reach":
        """Both in seconds."""
        lag = reconcile_interval * (1 + JITTER) + PASS_SECONDS
        return cls(int(overlap * MICROSECONDS), int(lag * MICROSECONDS))

    def horizon(self, reconciled: int, now: int) -> int:
        """The latest position that may be given to a client. now: the clock."""
        return min(now, reconciled + self.lag)

    def certain(self, position: int) -> int:
        """
        A client that was given this position has been sent everything that was committed before the result.
        """
        return position - self.lag

    def certain_of_pass(self, reconciled: int, started: int) -> int:
        """
        For a pass that began at `started`: what was committed before the result has been delivered.

        A clock that was set back since the last pass makes timestamps that look older than that pass: as old
        as `started`, less the time for which the clock has been wrong.
        """
        return reconciled if reconciled <= started else started - self.lag

    def start(self, certain: int) -> int:
        """Where a read starts: it finds what has a later timestamp."""
        return max(0, certain - self.overlap)

    def is_future(self, position: float, now: int) -> bool:
        """Whether it is further ahead than clocks may differ: such a position was never given out."""
        return position > now + self.overlap
