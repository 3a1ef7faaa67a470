"""The host of a handshake, read and checked as Django does for a request (HttpRequest.get_host)."""

from collections.abc import Mapping

from django.conf import settings
from django.http.request import split_domain_port, validate_host

HOST = b"host"
FORWARDED_HOST = b"x-forwarded-host"
# Django's own list for DEBUG without ALLOWED_HOSTS.
THIS_MACHINE = [".localhost", "127.0.0.1", "[::1]"]


def host_of(headers: Mapping[bytes, str]) -> str | None:
    """headers: by lower-case name, repeated ones joined."""
    if settings.USE_X_FORWARDED_HOST and FORWARDED_HOST in headers:
        return headers[FORWARDED_HOST]
    return headers.get(HOST)


def hosts_said(headers: Mapping[bytes, str]) -> str:
    """For a log line. Both headers, with USE_X_FORWARDED_HOST: either may be the wrong one."""
    host = f"{headers.get(HOST)!r:.200}"
    if not settings.USE_X_FORWARDED_HOST:
        return host
    return f"{host} (X-Forwarded-Host: {headers.get(FORWARDED_HOST)!r:.200})"


def is_allowed_host(host: str) -> bool:
    """host: with or without a port, checked against ALLOWED_HOSTS."""
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = THIS_MACHINE
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
