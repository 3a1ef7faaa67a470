"""Logs everything of every library, for a view that fails with a token in its variables."""

from tests.support.hooks.settings import *  # noqa: F403

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "DEBUG"},
}
