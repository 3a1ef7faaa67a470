"""The settings of a test run: the project's own, read from an environment fit for tests."""

import os

import django

os.environ.setdefault("DJANGO_SECRET_KEY", "not-a-secret-but-long-enough-for-an-hs256-signature-in-tests")
os.environ.setdefault("DJANGO_DEBUG", "off")
os.environ.setdefault("DJANGO_ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")
os.environ.setdefault("LESSY_THROTTLES", "off")

from lessy.settings import *  # noqa: F403

# The tests of parts hear of nothing but what they bring about: no other process, and no pass each second.
CABLE = {**CABLE, "BROKER": "channel_layer", "RECONCILE_INTERVAL": 30.0}  # noqa: F405

# Models that no app of Lessy has: rows with several readers, such as are deleted, and those of other people.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.teams", "tests.strangers", "rest_framework.authtoken"]  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # only for speed

if django.VERSION >= (6, 1):
    # Lessy runs on Django 5.2; the cable on later ones too (make versions), where these are deprecated.
    for _name in [name for name in dir() if name.startswith("EMAIL_")]:
        del globals()[_name]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, since threads cannot share one in memory; one per process, since test runs may overlap.
    DATABASES["default"]["TEST"] = {"NAME": VAR_DIR / f"test-{os.getpid()}.sqlite3"}  # noqa: F405
