"""
The token of a browser on another site, which can set neither a cookie of ours nor a header. It offers the
token as one more subprotocol, after "anycable-token.": AnyCable's clients do so by default.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, Final

from .authentication import Admission, Authenticator, Handshake

PREFIX: Final = "anycable-token."
HEADER: Final = "sec-websocket-protocol"
# Characters. A JWT has some hundred, and servers accept headers of 8 to 16 KiB.
LONGEST: Final = 4096

# RFC 6455, 4.1: an offer is a token of RFC 9110. Browsers refuse any other by themselves.
_LEGAL = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class SubprotocolTokenAuthenticator:
    """
    Wraps an authenticator, which finds the token where it reads a native client's: in the header
    "Authorization", as "Bearer <token>", or after its `keyword`, as those of Django REST framework have it.

    An offered token takes precedence: cookies of the same handshake, which the browser adds by itself, are
    ignored. A token that is empty, too long, or beside another one refuses the handshake.
    """

    def __init__(self, wrapped: Authenticator) -> None:
        self.wrapped = wrapped

    @property
    def security_schemes(self) -> dict[str, Mapping[str, str]]:
        """For the AsyncAPI document (contract/asyncapi.py)."""
        offer = {"type": "httpApiKey", "name": "Sec-WebSocket-Protocol", "in": "header"}
        subprotocol = {**offer, "description": f"One more subprotocol: {PREFIX}, and the token."}
        return {**getattr(self.wrapped, "security_schemes", {}), "subprotocol": subprotocol}

    def authenticate(self, handshakes: Sequence[Handshake]) -> list[Admission | None]:
        keyword = getattr(self.wrapped, "keyword", "Bearer")
        told = [_as_header(handshake, keyword) for handshake in handshakes]
        asked = [handshake for handshake in told if handshake is not None]
        answers = iter(self.wrapped.authenticate(asked) if asked else ())
        return [None if handshake is None else next(answers) for handshake in told]

    def still_admitted(self, admissions: Sequence[Admission]) -> Sequence[bool]:
        return self.wrapped.still_admitted(admissions)


def _as_header(handshake: Handshake, keyword: str) -> Handshake | None:
    """The handshake with the token in a header. None: what was offered cannot be a token."""
    offers = _offers(handshake.headers.get(HEADER, ""))
    tokens = [offer.removeprefix(PREFIX) for offer in offers if offer.startswith(PREFIX)]
    if not tokens:
        return handshake
    if len(tokens) > 1 or len(tokens[0]) > LONGEST or not _LEGAL.fullmatch(tokens[0]):
        return None
    headers = _without_tokens(handshake.headers) | {"authorization": f"{keyword} {tokens[0]}"}
    return replace(handshake, cookies={}, headers=headers)


def _without_tokens(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: _concealed(value) if name == HEADER else value for name, value in headers.items()}


def _offers(header: str) -> list[str]:
    return [offer.strip() for offer in header.split(",")]


def _concealed(header: str) -> str:
    return ", ".join(offer for offer in _offers(header) if not offer.startswith(PREFIX))


def conceal(scope: MutableMapping[str, Any]) -> None:
    """
    Removes tokens from an ASGI scope: error reporters (such as Sentry) mask cookies and the header
    "Authorization", and show every other one.
    """
    headers = scope["headers"]
    if not any(PREFIX.encode() in value for _, value in headers):
        return
    kept = [(name, _concealed_value(name, value)) for name, value in headers]
    offered = [name for name in scope.get("subprotocols", ()) if not name.startswith(PREFIX)]
    for key, value in (("headers", kept), ("subprotocols", offered)):
        if isinstance(scope.get(key), list):  # in place: middlewares before us may have copied the dict
            scope[key][:] = value
        else:
            scope[key] = value


def _concealed_value(name: bytes, value: bytes) -> bytes:
    if name.lower() != HEADER.encode():
        return value
    return _concealed(value.decode("latin-1")).encode("latin-1")
