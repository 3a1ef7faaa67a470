"""How a connection fails, in a sentence."""

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .told import Disconnected

FAILURES = (ConnectionClosed, InvalidHandshake, EOFError, OSError)  # TimeoutError is an OSError


def told(failure: Exception, url: str) -> Disconnected:
    if isinstance(failure, Disconnected):
        return failure
    if isinstance(failure, InvalidStatus):
        status = failure.response.status_code
        return Disconnected(f"{url} does not answer as a cable: HTTP {status}; is it the path of the cable?")
    if isinstance(failure, InvalidHandshake | EOFError):
        return Disconnected(f"{url} does not answer as a cable: {failure}")
    if isinstance(failure, ConnectionClosed):
        return Disconnected(f"the connection was lost: {failure}")
    if isinstance(failure, TimeoutError):
        return Disconnected("the connection was lost: the server is silent")
    return Disconnected(f"cannot connect to {url}: {failure}")
