"""
Typed readers of the environment, used by settings.py alone.

Each takes the name of a variable and returns its value, or raises ImproperlyConfigured with one sentence
that names the variable, so that a bad value stops the boot.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

_TRUE = {"1", "on", "true", "yes"}
_FALSE = {"0", "off", "false", "no", ""}


def text(name: str, default: str = "") -> str:
    return str(env.str(name, default=default)).strip()


def boolean(name: str, default: bool) -> bool:
    raw = text(name, "on" if default else "off").lower()
    if raw not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected on or off")
    return raw in _TRUE


def words(name: str) -> list[str]:
    """Comma-separated, blanks dropped."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def choice(name: str, default: str, among: Sequence[str]) -> str:
    """One of these words, however it is capitalised."""
    raw = text(name, default)
    found = [word for word in among if word.lower() == raw.lower()]
    if not found:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected one of {', '.join(among).lower()}")
    return found[0]


def number(name: str, default: float, *, least: float = 0) -> float:
    raw = text(name, str(default))
    if not re.fullmatch(r"\d+(\.\d+)?", raw) or float(raw) < least:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected a number, at least {least:g}")
    return float(raw)


def numbers(prefix: str, settings: type) -> dict[str, float]:
    """
    Of a dataclass each field that is a number and whose variable (prefix and its name) is set, by its name in
    capitals. So that a limit is described once, where it is used.
    """
    kinds = {entry.name.upper(): entry.type for entry in fields(settings) if entry.type in (int, float)}
    given = {name: kind for name, kind in kinds.items() if text(prefix + name)}
    return {name: _above_zero(prefix + name, whole=kind is int) for name, kind in given.items()}


def _above_zero(name: str, *, whole: bool) -> float:
    raw = text(name)
    if not re.fullmatch(r"\d+" if whole else r"\d+(\.\d+)?", raw) or float(raw) == 0:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected a {'whole ' if whole else ''}number above 0")
    return int(raw) if whole else float(raw)


def rate(name: str, default: str) -> str | None:
    """A throttle rate, such as 20/min; None when it is off."""
    raw = text(name, default)
    if raw == "off":
        return None
    if not re.fullmatch(r"[1-9]\d*/(s|sec|min|m|hour|h|day|d)", raw):
        raise ImproperlyConfigured(f"{name}={raw!r}: expected a rate such as 20/min, or off")
    return raw


def rates(prefix: str, **defaults: str) -> dict[str, str | None]:
    """Of each name, the rate in the variable of that name after the prefix."""
    return {name: rate(f"{prefix}{name.upper()}", default) for name, default in defaults.items()}


def urls(name: str, schemes: tuple[str, ...]) -> list[str]:
    """Comma-separated URLs, each of one of the schemes and with a host (or, for unix sockets, a path)."""
    found = words(name)
    for url in found:
        try:
            parts = urlsplit(url)
            complete = parts.scheme in schemes and bool(parts.hostname or parts.path.strip("/"))
            _ = parts.port
        except ValueError:
            complete = False
        if not complete:
            raise ImproperlyConfigured(f"{name} holds {url!r}: expected URLs of {', '.join(schemes)}")
    return found


def root_url(name: str, default: str) -> str:
    """Where the service is seen from outside, without a slash at the end."""
    raw = text(name, default).rstrip("/")
    try:
        parts = urlsplit(raw)
        whole = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query + parts.fragment
        )
        _ = parts.port
    except ValueError:
        whole = False
    if not whole:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected a URL such as https://lessy.example")
    return raw


def folder(name: str, *, holding: str) -> Path | None:
    raw = text(name)
    if raw and not (Path(raw) / holding).is_file():
        raise ImproperlyConfigured(f"{name}={raw!r}: expected a folder that holds {holding}")
    return Path(raw).resolve() if raw else None


def database(name: str, default: str) -> dict[str, Any]:
    try:
        config: dict[str, Any] = dict(env.db_url(name, default=default))
    except Exception as exc:  # django-environ raises what its parsers raise
        raise ImproperlyConfigured(
            f"{name}: cannot be read as a database URL ({type(exc).__name__})"
        ) from exc
    if not config.get("ENGINE"):
        raise ImproperlyConfigured(f"{name}: unknown kind of database")
    return config


def email(name: str, default: str) -> Mapping[str, Any]:
    try:
        config: dict[str, Any] = dict(env.email_url(name, default=default))
    except Exception as exc:
        raise ImproperlyConfigured(f"{name}: cannot be read as an e-mail URL ({type(exc).__name__})") from exc
    if not config.get("EMAIL_BACKEND"):
        raise ImproperlyConfigured(f"{name}: unknown kind of e-mail URL")
    parts = urlsplit(text(name, default))
    if parts.scheme == "filemail":  # django-environ drops the first character of the path
        config["EMAIL_FILE_PATH"] = unquote(parts.netloc + parts.path)
    if config.get("EMAIL_USE_TLS"):
        config["EMAIL_PORT"] = config["EMAIL_PORT"] or 587
    return config


def make_folder(path: Path) -> None:
    """Unless the checkout is read-only: who needs the folder then says so."""
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)


def secret_key(name: str, *, debug: bool, generated: Path) -> str:
    """
    The key of the environment. In DEBUG a generated one, kept in a file, stands in for a missing one;
    otherwise a missing or short one stops the boot.
    """
    key = text(name)
    if key:
        return key
    if not debug:
        raise ImproperlyConfigured(f"{name} is not set: it is required when DJANGO_DEBUG is off")
    try:
        if not generated.exists():
            generated.parent.mkdir(parents=True, exist_ok=True)
            generated.write_text(secrets.token_urlsafe(50))
            generated.chmod(0o600)
        return generated.read_text()
    except OSError as exc:
        raise ImproperlyConfigured(f"{name} is not set, and none can be kept: {exc}") from exc
