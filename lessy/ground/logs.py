"""The log format: one JSON object per line in production, readable lines in development, tokens masked."""

import logging
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from lessy.ground.masking import without_secrets


class SecretlessFormatter(logging.Formatter):
    """Masks the whole line, of any logger: paths, for one, contain the tokens of mailed links."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class SecretlessJsonFormatter(JsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


READABLE = {"()": SecretlessFormatter, "fmt": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}
JSON = {
    "()": SecretlessJsonFormatter,
    "fmt": ["levelname", "name", "message"],
    "rename_fields": {"levelname": "level", "name": "logger", "timestamp": "time"},
    "timestamp": True,
    # Django attaches the request to its log records, and str(request) contains the query string.
    "reserved_attrs": [*RESERVED_ATTRS, "request"],
    "json_ensure_ascii": False,
}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter: a status below 500 is the client's error, so that no traceback is logged."""
    if getattr(record, "status_code", 500) < 500:
        record.exc_info = record.exc_text = None
    return True


def logging_config(*, level: str, readable: bool) -> dict[str, Any]:
    """For settings.LOGGING: everything goes to stderr through the root logger."""
    through_root = {"handlers": [], "level": "NOTSET", "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": READABLE if readable else JSON},
        "filters": {"without_traceback": {"()": lambda: without_traceback}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": ["without_traceback"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's default handlers would log the same records again, in another format.
            "django": through_root,
            "django.server": through_root,
            # Below WARNING these log every connection.
            "twisted": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
