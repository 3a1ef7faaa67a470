"""
Which web pages may open the socket. Pure: no Django.

A browser sends the cookie with any page's handshake, so the Origin decides. It is compared exactly: scheme,
host and port; after lower-casing, default ports, a trailing dot and internationalised names are made equal.
The origin of an app in a web view (file:// of Cordova, app://. of Electron) has no host that could be made
equal: it is compared letter by letter.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import NamedTuple

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[^\s/?#@:\[\]\\%,;*]+)(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE,
)

_APP_ORIGIN = re.compile(r"(?!(?:http|ws)s?:)[a-z][a-z0-9+.-]*://[a-z0-9._-]*", re.IGNORECASE)


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int | None


def parse_origin(text: str) -> Origin | None:
    """None for whatever is not exactly one origin: "null", a path, credentials, blanks, a list."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    host = _canonical_host(match["host"])
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS.get(scheme)
    if host is None or (port is not None and not 0 < port < 65536):
        return None
    return Origin(scheme, host, port)


def _canonical_host(host: str) -> str | None:
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            return None
    name = host.removesuffix(".")
    if not name or name.startswith(".") or ".." in name or not name.isprintable():
        return None
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode().lower()
    except idna.IDNAError:
        return None


def can_match(allowed: str) -> bool:
    """Whether any handshake could have this origin: not one with a path, credentials or a wildcard."""
    return parse_origin(allowed) is not None or _APP_ORIGIN.fullmatch(allowed) is not None


def is_allowed(origin: str, *, own: str, allowed: Collection[str]) -> bool:
    """
    origin: the header of the handshake. own: the origin the server answers under. allowed: others, exactly;
    "*" admits all.
    """
    if "*" in allowed:
        return True
    if _APP_ORIGIN.fullmatch(origin) and origin in allowed:
        return True
    parsed = parse_origin(origin)
    return parsed is not None and (parsed == parse_origin(own) or parsed in map(parse_origin, allowed))
