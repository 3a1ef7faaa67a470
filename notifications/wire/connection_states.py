"""
The states of a connection, and of each of its subscriptions, as tables. Pure: this file knows no socket, no
queue and no clock.

Theory of operation
===================

A connection begins when it is welcomed; before that there is a handshake only. Its states say where a frame
goes:

    OPEN       it is written at once
    CONGESTED  the server's `send` waits for the client to read: it waits in the outbox, in order
    CLOSING    the end was decided: the disconnect frame and the close are written, and nothing else
    CLOSED     nothing is written any more

The end is decided in many places (a limit, a revocation, the drain, the client) and the first one counts:
later ones change nothing, nor does the result of a write that was under way when the end came.

A subscription begins with the client's command. Its states say what happens to a change that is published:

    PENDING     its stream is being joined, or a replay was refused: the change is held back
    REPLAYING   the client is sent from the tables what it missed: the change is held back
    OVERFLOWED  more came than can be held back: all of it was dropped, and the tables must be read again
    LIVE        the change is written
    ENDED       unsubscribed, or rejected: nothing is written

Only a client whose subscriptions are all LIVE has everything: while one of them is not, pings have no later
time than the last that was certain.

    subscribe ─► PENDING ──────────────────────► LIVE
                    │ replay         release ▲     │ replay
                    ▼                        │     ▼
                    └────────────► REPLAYING ┴◄────┘
                           read again ▲ │ overflow
                                      │ ▼
                                   OVERFLOWED ◄─── overflow of a PENDING one
"""

from enum import Enum, auto
from typing import Final


class ConnectionState(Enum):
    OPEN = auto()
    CONGESTED = auto()
    CLOSING = auto()
    CLOSED = auto()


class ConnectionEvent(Enum):
    # The server's `send` has to wait.
    SEND_WAITS = auto()
    # What waited in the outbox is written.
    CAUGHT_UP = auto()
    # We end it, with a disconnect frame.
    CLOSE = auto()
    # It ended by itself: the client disconnected, or a write failed.
    LOST = auto()
    # The disconnect frame and the close were given to the server.
    FAREWELL_SAID = auto()


OPEN, CONGESTED, CLOSING, CLOSED = ConnectionState

CONNECTION: Final = {
    (OPEN, ConnectionEvent.SEND_WAITS): CONGESTED,
    (OPEN, ConnectionEvent.CLOSE): CLOSING,
    (OPEN, ConnectionEvent.LOST): CLOSED,
    (CONGESTED, ConnectionEvent.CAUGHT_UP): OPEN,
    (CONGESTED, ConnectionEvent.CLOSE): CLOSING,
    (CONGESTED, ConnectionEvent.LOST): CLOSED,
    (CLOSING, ConnectionEvent.SEND_WAITS): CLOSING,
    (CLOSING, ConnectionEvent.CAUGHT_UP): CLOSING,
    (CLOSING, ConnectionEvent.CLOSE): CLOSING,
    (CLOSING, ConnectionEvent.LOST): CLOSED,
    (CLOSING, ConnectionEvent.FAREWELL_SAID): CLOSED,
    (CLOSED, ConnectionEvent.SEND_WAITS): CLOSED,
    (CLOSED, ConnectionEvent.CAUGHT_UP): CLOSED,
    (CLOSED, ConnectionEvent.CLOSE): CLOSED,
    (CLOSED, ConnectionEvent.LOST): CLOSED,
    (CLOSED, ConnectionEvent.FAREWELL_SAID): CLOSED,
}


class SubscriptionState(Enum):
    PENDING = auto()
    REPLAYING = auto()
    OVERFLOWED = auto()
    LIVE = auto()
    ENDED = auto()


class SubscriptionEvent(Enum):
    # The client asked for what it missed.
    REPLAY = auto()
    # The replay that it asked for is refused.
    REFUSE = auto()
    # More was published than can be held back.
    OVERFLOW = auto()
    # The tables are read for what was dropped.
    READ_AGAIN = auto()
    # Nothing is missing but what was held back, which is written now.
    RELEASE = auto()
    # Unsubscribed or rejected.
    END = auto()


PENDING, REPLAYING, OVERFLOWED, LIVE, ENDED = SubscriptionState

SUBSCRIPTION: Final = {
    (PENDING, SubscriptionEvent.REPLAY): REPLAYING,
    (PENDING, SubscriptionEvent.OVERFLOW): OVERFLOWED,
    (PENDING, SubscriptionEvent.RELEASE): LIVE,
    (PENDING, SubscriptionEvent.END): ENDED,
    (REPLAYING, SubscriptionEvent.REFUSE): PENDING,
    (REPLAYING, SubscriptionEvent.OVERFLOW): OVERFLOWED,
    (REPLAYING, SubscriptionEvent.RELEASE): LIVE,
    (REPLAYING, SubscriptionEvent.END): ENDED,
    # What was dropped is still missing, whatever else is asked for or refused meanwhile.
    (OVERFLOWED, SubscriptionEvent.REPLAY): OVERFLOWED,
    (OVERFLOWED, SubscriptionEvent.REFUSE): OVERFLOWED,
    (OVERFLOWED, SubscriptionEvent.READ_AGAIN): REPLAYING,
    (OVERFLOWED, SubscriptionEvent.END): ENDED,
    (LIVE, SubscriptionEvent.REPLAY): REPLAYING,
    (LIVE, SubscriptionEvent.END): ENDED,
}
