from lessy.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.hooks"]  # noqa: F405
