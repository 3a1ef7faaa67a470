"""
daphne's HTTP, with an end to requests that never end: it would hold a socket for every one that trickles in,
and store a body of any size before Django can refuse it.
"""

import json
import time
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.web.http import HTTPChannel

from lessy.api.errors import ERRORS, element
from notifications.limits import breaches


class Request(WebRequest):
    """A body over the limit is read to its end, so that its sender can hear why, and not kept."""

    received = 0
    lost = False

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.received += len(data)
        if self.received <= settings.SERVER_REQUEST_BYTES:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self.received <= settings.SERVER_REQUEST_BYTES:
            outcome = super().process()
            if self.transport is None:
                self._leave_to_the_websocket()
            return outcome
        breaches.report("request_bytes", "refused a request")
        self.request_start = time.time()
        self._refuse("content_too_large")
        return None

    def _leave_to_the_websocket(self) -> None:
        """It has the transport now; the channel and this request hold each other, and nobody would end it."""
        self.lost = True
        self.channel.requests.remove(self)
        self.server.forget(self)

    def _refuse(self, code: str) -> None:
        headers = [(b"Content-Type", b"application/json")]
        self.handle_reply({"type": "http.response.start", "status": ERRORS[code][0], "headers": headers})
        body = json.dumps({"errors": [element(code)]}).encode()
        self.handle_reply({"type": "http.response.body", "body": body})


class Channel(HTTPChannel):
    """
    One connection. A request must be complete SERVER_REQUEST_SECONDS after it began; Twisted would begin to
    count anew with each byte.
    """

    _begun = False

    def connectionMade(self) -> None:  # noqa: N802
        # Without a timer of Twisted's: to move one to an earlier time it searches all that there are.
        self.timeOut = None
        super().connectionMade()
        self.requestFactory = Request
        self._begin()

    def resetTimeout(self) -> None:  # noqa: N802
        if not self._begun:
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        self.setTimeout(settings.SERVER_REQUEST_SECONDS)

    def allContentReceived(self) -> None:  # noqa: N802
        self._begun = False
        super().allContentReceived()
        # Between requests the connection may idle as long as Twisted thinks right.
        self._savedTimeOut = self.timeOut

    def timeoutConnection(self) -> None:  # noqa: N802
        if self._begun:
            breaches.report("request_seconds", "closed a connection that did not finish its request")
        super().timeoutConnection()
