"""A tiny third-party project, to which these settings alone add notifications."""

import json
import os

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "tests.plugged.urls"
ASGI_APPLICATION = os.environ.get("PLUGGED_ASGI", "tests.plugged.asgi.application")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    *os.environ.get("PLUGGED_APPS", "daphne").split(),
    "tests.plugged.library",
    "sync_cable",
    "channels",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
# The project also runs with the lowest supported versions (make versions).
SILENCED_SYSTEM_CHECKS = ["sync_cable.W009"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for tests only
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PLUGGED_DATABASE"]}}

CABLE = {
    "RESOURCES": {
        "books": {
            "model": "library.Book",
            "owner": "reader",
            "created_at": "added_at",
            "updated_at": "changed_at",
        },
    },
    **json.loads(os.environ.get("PLUGGED_CABLE", "{}")),
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
    }
}
# The project's own logging configuration. The cable adds no handler to it.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short"}},
    "loggers": {"sync_cable": {"handlers": ["console"], "level": "INFO"}},
}
