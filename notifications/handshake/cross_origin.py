"""
Which pages may open a socket or a stream, or ask for changes; and the headers that let pages of another
origin read the answer.
"""

from collections.abc import Mapping

from django.conf import settings

from ..conf import cable_settings
from .hosts import host_of
from .origins import is_allowed

# Set by the browser; a page cannot change it. Only sent to HTTPS and to this machine.
FETCH_SITE = b"sec-fetch-site"
SAME_ORIGIN = "same-origin"
OTHER_SITES = {"same-site", "cross-site"}


def admits(headers: Mapping[bytes, str], scheme: str) -> bool:
    """headers: by lower-case name, repeated ones joined. scheme: of the request, secure or not."""
    origin = headers.get(b"origin")
    if origin is None:
        return _admits_without_origin(headers.get(FETCH_SITE, ""))
    allowed = cable_settings().allowed_origins
    return any(
        is_allowed(origin, own=f"{own_scheme}://{host_of(headers) or ''}", allowed=allowed)
        for own_scheme in _own_schemes(headers, scheme)
    )


def _admits_without_origin(site: str) -> bool:
    """
    It is not a browser's websocket. It may be a GET by a page of this origin, with which browsers send no
    Origin. They send none with an image on a foreign page either: that page could not read the stream, but
    would take up one of the user's connections.
    """
    if site == SAME_ORIGIN:
        return True
    return site not in OTHER_SITES and not cable_settings().require_origin


def _own_schemes(headers: Mapping[bytes, str], scheme: str) -> tuple[str, ...]:
    """
    An HTTPS page of this host always counts as the site's own. An HTTP page does too, unless the connection
    is known to be secure: then the page may come from an attacker on the network.
    """
    name, value = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) or ("", "")
    forwarded = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode(), "")
    secure = scheme in ("wss", "https") or (bool(value) and forwarded.split(",")[0].strip() == value)
    return ("https",) if secure else ("https", "http")


def answer_headers(headers: Mapping[bytes, str], scheme: str) -> dict[str, str]:
    """
    CORS headers for the pages of CABLE["ALLOWED_ORIGINS"]: without them, a browser hides the answer from the
    page.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return {}
    varies = {"Vary": "Origin"}
    if not admits(headers, scheme):
        return varies
    return {
        **varies,
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Cable-Position, ETag",
    }
