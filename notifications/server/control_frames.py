"""
Control frames of a websocket: bounded like everything that a peer makes us read and write, and answered as
RFC 6455 asks.
"""

import time
from typing import Any

from ..conf import server_settings
from ..ground.limits import TokenBucket, breaches
from ..wire.close_codes import TOO_MANY
from .backpressure import Pressure
from .close_frames import answer_to
from .upgrade import HandshakeProtocol

PONG = 10
# The burst: so many seconds of CONTROL_FRAMES_PER_SECOND.
BURST_SECONDS = 10
# The connection is closed once our close frame is written, and reset if that takes longer than this.
LINGER_SECONDS = 5.0


class ControlFramesProtocol(HandshakeProtocol):
    pressure: Pressure
    _small_frames: TokenBucket | None = None
    _ignored = False
    _dropped_at: float | None = None

    # Rate limit

    def onFrameBegin(self) -> None:  # noqa: N802
        super().onFrameBegin()
        frame = self.current_frame
        # The hub counts whole messages, as commands. Counted here is what the hub never sees: control frames,
        # and the fragments of messages, which may be empty.
        if frame.opcode > 7 or frame.opcode == 0 or not frame.fin:
            self._count_frame()

    def _count_frame(self) -> None:
        now = time.monotonic()
        if self._small_frames is None:
            rate = server_settings().control_frames_per_second
            self._small_frames = TokenBucket(rate, rate * BURST_SECONDS, now)
        if not self._small_frames.take(now) and self.state == self.STATE_OPEN:
            breaches.report("control_frames", "closed a socket that sends too many control frames")
            self.sendCloseFrame(code=TOO_MANY)
            self._ignored = True
            self.data = b""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """
        Stops parsing what a flooding peer sends. autobahn's deadline for the close handshake ends the
        connection.
        """
        if not self._ignored:
            super().dataReceived(data)

    # Answers

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        """
        While the peer does not read, we answer only its latest ping, once it reads again (RFC 6455, 5.5.3).
        """
        if self.state == self.STATE_OPEN and self.pressure.paused:
            self.pressure.owed = bytes((0x80 | PONG, len(payload))) + payload
        else:
            super().onPing(payload)

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> Any:  # noqa: N802, N803
        """autobahn would answer any legal code with 1000, and reset the connection for an illegal one."""
        if self.state != self.STATE_OPEN:
            return super().onCloseFrame(code, reasonRaw)
        answer = answer_to(code, reasonRaw)
        self.remoteCloseCode = code if answer == code else None
        self.wasClean = True
        self.sendCloseFrame(code=answer, isReply=True)
        self.dropConnection()
        return None

    def sendCloseFrame(self, *args: object, **options: object) -> None:  # noqa: N802
        # No pong may follow a close frame.
        self.pressure.owed = None
        super().sendCloseFrame(*args, **options)

    # Closing

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802
        """
        autobahn would reset the connection even after a complete close handshake, and lose our last frames.
        """
        self._dropped_at = self._dropped_at or time.monotonic()
        super().dropConnection(abort=abort and not self.wasClean)

    def check_timeouts(self) -> None:
        super().check_timeouts()
        if self._dropped_at is not None and time.monotonic() - self._dropped_at > LINGER_SECONDS:
            self.transport.abortConnection()
