"""Django as in a Channels tutorial: a database, and the channel layer on Redis pub/sub."""

import os

import django
from django.conf import settings


def set_up() -> None:
    settings.configure(
        SECRET_KEY="not-a-secret",
        INSTALLED_APPS=["channels"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
                "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
            }
        },
    )
    django.setup()
