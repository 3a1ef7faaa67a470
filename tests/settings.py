"""The settings of a test run: the project's own, read from an environment fit for tests."""

import os

os.environ.setdefault("DJANGO_SECRET_KEY", "not-a-secret-but-long-enough-for-an-hs256-signature-in-tests")
os.environ.setdefault("DJANGO_DEBUG", "off")
os.environ.setdefault("DJANGO_ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")
os.environ.setdefault("LESSY_THROTTLES", "off")

from lessy.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # only for speed

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, since threads cannot share one in memory; one per process, since test runs may overlap.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / f"test-{os.getpid()}.sqlite3"}  # noqa: F405
