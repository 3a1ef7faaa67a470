"""
Typed readers of environment variables, used only by settings.py.

Each takes the name of a variable and returns its value. An invalid value is recorded as a fault (faults.py),
in one sentence that names the variable, and the default is returned; faults.report() raises later.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

from environ import Env
from redis.connection import parse_url

from lessy.ground import sentinel
from lessy.ground.faults import fault, know, shown

_TRUE = {"1", "on", "true", "yes"}
_FALSE = {"0", "off", "false", "no"}
_WHOLE = r"\d{1,15}"
_NUMBER = r"\d{1,15}(\.\d{1,9})?"
_HOST = r"\*|\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]"
# An HS256 signature is only as strong as its key: RFC 7518 requires 32 bytes.
KEY_LENGTH = 32
_KEY_VARIETY = 5


def text(name: str, default: str = "") -> str:
    """
    An empty variable counts as not set. django-environ is not used here: it takes a value that begins with $
    for the name of another variable, and a password or key may begin with $.
    """
    know(name)
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    raw = text(name, "on" if default else "off").lower()
    if raw not in _TRUE | _FALSE:
        return fault(f"{name}={shown(raw)}: expected on or off", default)
    return raw in _TRUE


def words(name: str) -> list[str]:
    """Comma-separated, blanks dropped."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def hosts(name: str) -> list[str]:
    """Host names. One with a scheme or a port is refused: it would never equal the host of a request."""
    found = words(name)
    for host in found:
        if not re.fullmatch(_HOST, host):
            fault(f"{name} holds {shown(host)}: expected names of hosts, without scheme, port and path", None)
    return found


def choice(name: str, default: str, among: Sequence[str]) -> str:
    """One of these words, compared without regard to case."""
    raw = text(name, default)
    found = [word for word in among if word.lower() == raw.lower()]
    if not found:
        return fault(f"{name}={shown(raw)}: expected one of {', '.join(among).lower()}", default)
    return found[0]


def number(name: str, default: float, *, least: float = 0) -> float:
    raw = text(name, str(default))
    if not re.fullmatch(_NUMBER, raw, re.ASCII) or float(raw) < least:
        return fault(f"{name}={shown(raw)}: expected a number, at least {least:g}", default)
    return float(raw)


def whole_number(name: str, default: int, *, least: int = 0) -> int:
    raw = text(name, str(default))
    if not re.fullmatch(_WHOLE, raw, re.ASCII) or int(raw) < least:
        return fault(f"{name}={shown(raw)}: expected a whole number, at least {least}", default)
    return int(raw)


def of_fields(
    prefix: str, settings: type, *, without: Collection[str] = (), may_be_zero: Collection[str] = ()
) -> dict[str, Any]:
    """
    The values of a settings dataclass that variables set, by the field's name in capitals. The variable of a
    field is the prefix and that name. A field may be a number, a boolean, a text, a choice (Literal) or a
    list of texts. So each setting is defined only once, in its dataclass.

    without, may_be_zero: names of fields.
    """
    found = {}
    for entry in fields(settings):
        kind = _kind(entry)
        if kind is None or entry.name in without:
            continue
        name = prefix + entry.name.upper()
        if text(name):
            found[entry.name.upper()] = _of_kind(name, kind, entry, zero=entry.name in may_be_zero)
    return found


_KINDS = (bool, int, float, str)


def _kind(entry: Field[Any]) -> Any:
    """None if no variable can express the type: a mapping, a callable."""
    if entry.type in _KINDS:
        return entry.type
    among = get_args(entry.type)
    if all(isinstance(word, str) for word in among) and among:
        return among
    if entry.type == tuple[str, ...]:
        return tuple
    return str if str in among else None


def _of_kind(name: str, kind: Any, entry: Field[Any], *, zero: bool) -> Any:
    if kind is bool:
        return boolean(name, bool(entry.default))
    if kind is tuple:
        return words(name)
    if kind is str:
        return text(name)
    if isinstance(kind, tuple):
        return choice(name, str(entry.default), kind)
    return _positive(name, entry, zero=zero)


def _positive(name: str, entry: Field[Any], *, zero: bool) -> float:
    raw, whole = text(name), entry.type is int
    if not re.fullmatch(_WHOLE if whole else _NUMBER, raw, re.ASCII) or (float(raw) == 0 and not zero):
        expected = f"a {'whole ' if whole else ''}number{'' if zero else ' above 0'}"
        return fault(f"{name}={shown(raw)}: expected {expected}", float(entry.default))  # type: ignore[arg-type]
    return int(raw) if whole else float(raw)


def rate(name: str, default: str) -> str | None:
    """A rate limit, such as 20/min; None if it is off."""
    raw = text(name, default)
    if raw == "off":
        return None
    if not re.fullmatch(r"[1-9]\d{0,8}/(s|sec|min|m|hour|h|day|d)", raw, re.ASCII):
        return fault(f"{name}={shown(raw)}: expected a rate such as 20/min, or off", default)
    return raw


def rates(prefix: str, **defaults: str) -> dict[str, str | None]:
    """The rate of each name, read from the variable PREFIX + NAME."""
    return {name: rate(f"{prefix}{name.upper()}", default) for name, default in defaults.items()}


def redis_urls(name: str) -> list[str]:
    """Comma-separated, each with a host or, for a Unix socket, a path; or one Sentinel URL (sentinel.py)."""
    if text(name).startswith(sentinel.SCHEME):
        return _sentinel_url(name)
    found = words(name)
    for place, url in enumerate(found, 1):
        if not _is_redis_url(url):
            which = f"URL {place} of {len(found)}" if len(found) > 1 else "the value"
            return fault(
                f"{name}: {which} cannot be read: expected redis://, rediss:// or unix:// URLs, separated by "
                "commas (in a password write %2C for a comma, %2F for /, %40 for @, %23 for #)",
                [],
            )
    return found


def _sentinel_url(name: str) -> list[str]:
    url = text(name)
    try:
        sentinel.parse(url)
    except ValueError as exc:
        return fault(f"{name}: the value cannot be read: {exc}", [])
    return [url]


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return False
    return bool(parts.hostname) or (parts.scheme == "unix" and bool(parts.path.strip("/")))


def root_url(name: str, default: str) -> str:
    """The public URL of the service, without a trailing slash."""
    raw = text(name, default).rstrip("/")
    try:
        parts = urlsplit(raw)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        extra = parts.query + parts.fragment + (parts.username or "")
        _ = parts.port
    except ValueError:
        whole, extra = False, ""
    if not whole or extra:
        return fault(f"{name}: expected a URL such as https://lessy.example", default)
    return raw


def folder(name: str, *, holding: str) -> Path | None:
    """A folder that contains the file `holding`; a symbolic link to a file outside does not count."""
    raw = text(name)
    if not raw:
        return None
    found = Path(raw).resolve()
    if not (found / holding).is_file() or not (found / holding).resolve().is_relative_to(found):
        return fault(f"{name}={shown(raw)}: expected a folder that holds {holding}", None)
    return found


def database(
    name: str, default: str, *, postgresql: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """postgresql: default OPTIONS for PostgreSQL; those in the URL take precedence."""
    standing_in = dict(Env.db_url_config(default))
    expected = f"{name}: expected a URL such as postgres://user:password@host:5432/name or sqlite:///path"
    # A variable that is set but empty is a fault: an unfilled secret must not start an empty SQLite database.
    raw = text(name) if name in os.environ else default
    scheme, _, rest = raw.partition("://")
    if scheme not in Env.DB_SCHEMES:
        return fault(expected, standing_in)
    if scheme == "sqlite" and rest != ":memory:" and rest[:1] not in ("", "/"):
        return fault(f"{name}: a path begins after three slashes, as in sqlite:////var/lessy", standing_in)
    try:
        config: dict[str, Any] = dict(Env.db_url_config(raw))
    except Exception:  # django-environ raises what its parsers raise, and they show parts of the value
        return fault(f"{expected} (in a password write %40 for @, %2F for /, %23 for #)", standing_in)
    if not config.get("NAME"):
        return fault(f"{name}: it names no database. {expected.partition(': ')[2]}", standing_in)
    if config.get("ENGINE") == "django.db.backends.postgresql":
        config["OPTIONS"] = {**postgresql} | config.get("OPTIONS", {})
    return config


def email(name: str, default: str) -> Mapping[str, Any]:
    expected = f"{name}: expected a URL such as smtp+tls://user:password@host:587 or consolemail://"
    raw = text(name, default)
    try:
        config: dict[str, Any] = dict(Env.email_url_config(raw))
    except Exception:  # as above
        return fault(expected, dict(Env.email_url_config(default)))
    parts = urlsplit(raw)
    if parts.scheme.startswith("smtp") and not parts.hostname:
        return fault(expected, dict(Env.email_url_config(default)))
    if parts.scheme == "filemail":  # django-environ drops the first character of the path
        config["EMAIL_FILE_PATH"] = unquote(parts.netloc + parts.path)
    if config.get("EMAIL_USE_TLS"):
        config["EMAIL_PORT"] = config["EMAIL_PORT"] or 587
    return config


def make_folder(path: Path) -> None:
    """On a read-only checkout nothing happens: the code that needs the folder reports the error."""
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)


def secret_key(name: str, *, debug: bool, generated: Path) -> str:
    """
    The key from the environment. In DEBUG a missing key is replaced by a generated one, which is kept in a
    file. Never empty, because Django would raise its own error before the faults are reported.
    """
    key, unknown = text(name), secrets.token_urlsafe(50)
    if key and (len(key) < KEY_LENGTH or len(set(key)) < _KEY_VARIETY):
        return fault(f"{name} can be guessed: expected at least {KEY_LENGTH} random characters", unknown)
    if key:
        return key
    if not debug:
        return fault(f"{name} is not set: it is required when DJANGO_DEBUG is off", unknown)
    try:
        return _kept_key(generated)
    except OSError as exc:
        return fault(f"{name} is not set, and none can be kept: {exc}", unknown)


def _kept_key(path: Path) -> str:
    """
    The key is written to a temporary file, which is then linked to its name: two processes that start at the
    same time read the same complete key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # readable only by its owner
        try:
            with open(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(50))
            _name_file(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    return path.read_text()


def _name_file(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        os.replace(temporary, path)
