"""
A project that somebody else might have: of the kind that HOUSE_KIND names, on the database of HOUSE_DATABASE.

sessions: Django's users and sessions. tokens: those of DRF. uuid: users of its own, whose keys are UUIDs.
HOUSE_APPS: more apps, separated by commas; the cable is one of them or is not.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

BASE = Path(__file__).resolve().parent.parent
KIND = os.environ["HOUSE_KIND"]
APPS = [name for name in os.environ["HOUSE_APPS"].split(",") if name]

SECRET_KEY = "not-a-secret-but-long-enough-for-a-test"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
USE_TZ = True
ROOT_URLCONF = "house.urls"
ASGI_APPLICATION = "house.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "house.shelf",
    *APPS,
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
# Of HTML pages of others' apps.
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

_url = urlsplit(os.environ["HOUSE_DATABASE"])
if _url.scheme == "sqlite":
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _url.path}}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path.strip("/"),
            "USER": _url.username,
            "HOST": _url.hostname,
            "PORT": _url.port,
        }
    }

CABLE = {
    "RESOURCES": {
        "books": {"model": "shelf.Book", "owner": "reader", "created_at": "made", "updated_at": "changed"}
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [os.environ["HOUSE_REDIS"]]},
    }
}
# It is tried with the lowest versions too.
SILENCED_SYSTEM_CHECKS = ["sync_cable.W009"]

if KIND == "tokens":
    INSTALLED_APPS += ["rest_framework", "rest_framework.authtoken"]
    CABLE["AUTHENTICATOR"] = "house.tokens.TokenAuthenticator"
if KIND == "uuid":
    INSTALLED_APPS += ["house.people"]
    AUTH_USER_MODEL = "people.Person"
