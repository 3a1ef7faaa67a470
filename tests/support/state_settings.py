"""Lessy with a state that pages load by HTTP, as in docs/state.md. Its view is in state_urls.py."""

from lessy.settings import *  # noqa: F403

MIDDLEWARE = [*MIDDLEWARE, "notifications.middleware.cable_middleware"]  # noqa: F405
ROOT_URLCONF = "tests.support.state_urls"
