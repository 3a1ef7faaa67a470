"""How the log looks: a JSON object a line in production, a readable line in development. Never a token."""

import logging
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from lessy.ground.masking import without_secrets


class SecretlessFormatter(logging.Formatter):
    """The whole line, whatever wrote it: paths hold the tokens of mails."""

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
    # Django gives its request to its own log lines, and the text of one holds the query string.
    "reserved_attrs": [*RESERVED_ATTRS, "request"],
    "json_ensure_ascii": False,
}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter: what Django refuses with a status below 500 is the client's doing, and no error of ours."""
    if getattr(record, "status_code", 500) < 500:
        record.exc_info = record.exc_text = None
    return True


def logging_config(*, level: str, readable: bool) -> dict[str, Any]:
    """For settings.LOGGING: everything to stderr, through the root."""
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
            # Django's own handlers would say it a second time, in another format.
            "django": through_root,
            "django.server": through_root,
            # They tell of every connection.
            "twisted": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
