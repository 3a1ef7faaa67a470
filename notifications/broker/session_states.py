"""
The states of a session with the broker, and of a process's link to its broker, as tables. Pure: this file
knows no layer, no Redis and no clock.

Theory of operation
===================

A session is one channel layer, made to be discarded: a layer cannot detect a half-open connection, and a
frozen one keeps its lock. While the broker is down attempts overlap, so that several sessions live at a time.
Each goes one way only, and a new one is made instead of going back:

    OPENING   its channel is made, and its canaries are joined until they come back
    JOINING   it was the first to answer: the groups that sockets here listen to are being joined
    IN_USE    all are joined, and events arrive
    CLOSING   it does not answer, or is not needed: nobody waits for its end
    CLOSED

OPENING and JOINING have a deadline. So the report that such a session was LOST (its receiver
failed) changes nothing. A session in use may be reported LOST by several sources (no echo, receiver, a join
that failed); the first one counts.

A process has one link to its broker, whichever session it is made of:

    UNTRIED   not known yet: joins wait for the first attempt
    UP        a session is in use
    AWAY      no session is in use: joins do not wait; what is missed is read from the tables
    STOPPED   the hub has ended
"""

from enum import Enum, auto
from typing import Final


class SessionState(Enum):
    OPENING = auto()
    JOINING = auto()
    IN_USE = auto()
    CLOSING = auto()
    CLOSED = auto()


class SessionEvent(Enum):
    # Its canaries came back before those of any other.
    ANSWERED = auto()
    # The groups that were wanted are joined.
    JOINED = auto()
    # It no longer accepts or delivers events.
    LOST = auto()
    # It must not be used any more: it failed, was lost, came second, or the hub stops.
    DISCARDED = auto()
    # Its layer was closed.
    ENDED = auto()


SESSION: Final = {
    (SessionState.OPENING, SessionEvent.ANSWERED): SessionState.JOINING,
    (SessionState.OPENING, SessionEvent.LOST): SessionState.OPENING,
    (SessionState.OPENING, SessionEvent.DISCARDED): SessionState.CLOSING,
    (SessionState.JOINING, SessionEvent.JOINED): SessionState.IN_USE,
    (SessionState.JOINING, SessionEvent.LOST): SessionState.JOINING,
    (SessionState.JOINING, SessionEvent.DISCARDED): SessionState.CLOSING,
    (SessionState.IN_USE, SessionEvent.LOST): SessionState.CLOSING,
    (SessionState.IN_USE, SessionEvent.DISCARDED): SessionState.CLOSING,
    (SessionState.CLOSING, SessionEvent.LOST): SessionState.CLOSING,
    (SessionState.CLOSING, SessionEvent.ENDED): SessionState.CLOSED,
    (SessionState.CLOSED, SessionEvent.LOST): SessionState.CLOSED,
}


class LinkState(Enum):
    UNTRIED = auto()
    UP = auto()
    AWAY = auto()
    STOPPED = auto()


# A join returns at once: it is unknown when the broker will be back.
NOBODY_WAITS: Final = {LinkState.AWAY, LinkState.STOPPED}


class LinkEvent(Enum):
    # An attempt to reach the broker failed.
    FAILED = auto()
    # A session is in use.
    CONNECTED = auto()
    # The session in use was lost.
    LOST = auto()
    STOP = auto()


LINK: Final = {
    (LinkState.UNTRIED, LinkEvent.FAILED): LinkState.AWAY,
    (LinkState.UNTRIED, LinkEvent.CONNECTED): LinkState.UP,
    (LinkState.UNTRIED, LinkEvent.STOP): LinkState.STOPPED,
    (LinkState.UP, LinkEvent.LOST): LinkState.AWAY,
    (LinkState.UP, LinkEvent.STOP): LinkState.STOPPED,
    (LinkState.AWAY, LinkEvent.FAILED): LinkState.AWAY,
    (LinkState.AWAY, LinkEvent.CONNECTED): LinkState.UP,
    (LinkState.AWAY, LinkEvent.STOP): LinkState.STOPPED,
    (LinkState.STOPPED, LinkEvent.STOP): LinkState.STOPPED,
}
