"""
Why a server cannot listen on an address, as a sentence for the operator. Standard library only: `make run`
runs this module before anything else, with the port as its argument.
"""

import errno
import os
import socket
import sys

TAKEN = "another program listens there"
_REASONS = {
    errno.EADDRINUSE: TAKEN,
    errno.EACCES: "permission denied (a port below 1024 needs root, or CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def reason(failure: BaseException) -> str:
    """In words, for an error of bind() or listen()."""
    if isinstance(failure, socket.gaierror):
        return "unknown host"
    if not isinstance(failure, OSError) or failure.errno is None:
        return str(failure)
    return _REASONS.get(failure.errno) or os.strerror(failure.errno)


def why_not(host: str, port: int) -> str | None:
    """Why a server cannot listen there now; None if it can."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as probe:
            # As the server does: a socket in TIME_WAIT does not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as exc:
        return reason(exc)
    return None


def main(arguments: list[str]) -> str | None:
    """The message to exit with; None if the port is free on 127.0.0.1."""
    raw = arguments[0] if arguments else ""
    if not (raw.isascii() and raw.isdecimal() and 0 < int(raw[:6]) < 65536):
        return f"PORT={raw[:40]}: expected a number from 1 to 65535"
    hindrance = why_not("127.0.0.1", int(raw))
    if hindrance is None:
        return None
    return f"Cannot serve on port {raw}: {hindrance}. Choose another one: make run PORT={_next(int(raw))}"


def _next(port: int) -> int:
    """The next free port; 0 if there is none."""
    return next((other for other in range(port + 1, 65536) if why_not("127.0.0.1", other) is None), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
