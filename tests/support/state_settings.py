"""Lessy with a state that pages load by HTTP, as docs/state.md shows it; state_urls.py has its view."""

from lessy.settings import *  # noqa: F403

MIDDLEWARE = [*MIDDLEWARE, "notifications.middleware.cable_middleware"]  # noqa: F405
ROOT_URLCONF = "tests.support.state_urls"
