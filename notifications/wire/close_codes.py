"""
Why a websocket ends, as a number: RFC 6455's where it has one, and ours from 4000 on, which it leaves to
applications.
"""

NORMAL_CLOSURE = 1000
# A connection that ended without a close frame: the server reports this code to us; it is never sent.
ABNORMAL_CLOSURE = 1006
# The reason with it, from a server that knows it (server/websocket.py): the client stopped answering.
DEAD_PEER = "dead_peer"
INTERNAL_ERROR = 1011
# The same, from a server that can send no 1011: plain daphne.
UNAVAILABLE = 4011
# These echo HTTP's 408 and 429.
TOO_SLOW = 4008
TOO_MANY = 4029
