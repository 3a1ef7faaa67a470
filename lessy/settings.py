"""
The settings of the project, and the only reader of the environment. docs/operations.md lists the variables.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from lessy import environment, logs
from notifications.conf import CableSettings

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

DEBUG = environment.boolean("DJANGO_DEBUG", default=False)
SECRET_KEY = environment.secret_key("DJANGO_SECRET_KEY", debug=DEBUG, generated=VAR_DIR / "secret_key")
ALLOWED_HOSTS = environment.words("DJANGO_ALLOWED_HOSTS")

INSTALLED_APPS = [
    "daphne",  # before staticfiles: its runserver serves websockets
    "lessy",
    "lessy.accounts",
    "lessy.web",
    "projects",
    "tasks",
    "notifications",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # its page's own scripts, so that it works offline
    "waffle",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# The API answers with and without a trailing slash, and never redirects: a redirect would lose a POST's body.
APPEND_SLASH = False
ROOT_URLCONF = "lessy.urls"
ASGI_APPLICATION = "lessy.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Data

DATABASES = {"default": environment.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'lessy.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    environment.make_folder(VAR_DIR)
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that reads first and writes later would fail at once when another wrote between.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["lessy.accounts.backends.ThrottledBackend"]

REDIS_URLS = environment.urls("REDIS_URL", ("redis", "rediss", "unix"))
CHANNEL_LAYERS: dict[str, dict[str, Any]]
if REDIS_URLS:
    CHANNEL_LAYERS = {
        "default": {
            # Not the core layer: it drops messages in silence at its capacity, and its groups expire.
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": REDIS_URLS},
        }
    }
else:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            # At its capacity it drops in silence.
            "CONFIG": {"capacity": 100_000},
        }
    }

# How many proxies of ours append to X-Forwarded-For. Too many, and a client may name any address as its own.
LESSY_TRUSTED_PROXIES = int(environment.number("LESSY_TRUSTED_PROXIES", 0))

# Counters of the throttles: of all processes in Redis, and of each its own while Redis is away.
MEMORY_CACHE = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "lessy"}
CACHES: dict[str, dict[str, Any]] = {
    "default": MEMORY_CACHE,
    "memory": MEMORY_CACHE,
    # A flag is asked for seldom, and what the admin switches must be known to every process at once.
    "flags": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
if REDIS_URLS:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URLS[0],  # Django would take further ones for replicas, and they are shards
        "KEY_PREFIX": "lessy",
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": Retry(NoBackoff(), 0)},
    }
WAFFLE_CACHE_NAME = "flags"

# The cable

CABLE = {
    "RESOURCES": {
        "projects": {"model": "projects.Project", "owner": "user"},
        "tasks": {"model": "tasks.Task", "owner": "user"},
    },
    "AUTHENTICATOR": "lessy.accounts.cable.TokenAuthenticator",
    "ALLOWED_ORIGINS": environment.words("CABLE_ALLOWED_ORIGINS"),
    # Every limit and interval of notifications/conf.py: CABLE_MAX_SOCKETS_PER_USER, CABLE_OVERLAP and so on.
    **environment.numbers("CABLE_", CableSettings),
    "METRICS_TOKEN": environment.text("CABLE_METRICS_TOKEN"),
    "TRUSTED_PROXIES": LESSY_TRUSTED_PROXIES,
}

# The server (manage.py serve)

# How long a stop spreads its farewells over.
CABLE_DRAIN_SECONDS = environment.number("CABLE_DRAIN_SECONDS", 10)
# What was begun must be complete after so many seconds: a message of a websocket, a request with its body.
SERVER_MESSAGE_SECONDS = environment.number("SERVER_MESSAGE_SECONDS", 6, least=1)
SERVER_REQUEST_SECONDS = environment.number("SERVER_REQUEST_SECONDS", 30, least=1)
# A peer that acknowledges nothing for so long is gone; the cable's pings see to it that there is something.
SERVER_DEAD_PEER_SECONDS = environment.number("SERVER_DEAD_PEER_SECONDS", 50, least=1)
# The largest body of a request.
SERVER_REQUEST_BYTES = environment.number("SERVER_REQUEST_BYTES", 5 * 1024 * 1024, least=1)

# The API

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["lessy.accounts.authentication.TokenAuthentication"],
    "DEFAULT_PARSER_CLASSES": ["lessy.api.parsers.SnakeCaseParser"],
    "DEFAULT_RENDERER_CLASSES": ["lessy.api.renderers.CamelCaseRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "lessy.api.renderers.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "lessy.api.errors.exception_handler",
    "NUM_PROXIES": LESSY_TRUSTED_PROXIES,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Lessy",
    "DESCRIPTION": "Projects and tasks. What changes is announced on the websocket at /cable.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["lessy.openapi.without_slash"],
    "POSTPROCESSING_HOOKS": ["lessy.openapi.add_components"],
    "APPEND_COMPONENTS": {
        "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}}
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Each is a variable of its own: LESSY_THROTTLE_LOGIN_ADDRESS=30/min. An absent one, or None, is not limited.
LESSY_THROTTLE_RATES: dict[str, str | None] = {}
if environment.boolean("LESSY_THROTTLES", default=True):
    LESSY_THROTTLE_RATES = environment.rates(
        "LESSY_THROTTLE_",
        login_address="30/min",
        login_account="10/min",
        registration_address="20/hour",
        registration_account="5/hour",
        mail_address="20/hour",
        mail_account="5/hour",
    )

# Mail

EMAIL = environment.email("EMAIL_URL", "consolemail://" if DEBUG else "smtp://localhost:25")
vars().update(EMAIL)
EMAIL_TIMEOUT = 10  # seconds, or a request would wait for ever for a mail server that does not answer
LESSY_ROOT_URL = environment.root_url("LESSY_ROOT_URL", "http://127.0.0.1:8000")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = f"noreply@{urlsplit(LESSY_ROOT_URL).hostname}"

# Logs

LOGGING = logs.logging_config(level=environment.choice("LOG_LEVEL", "info", logs.LEVELS), readable=DEBUG)

# Files

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
# WhiteNoise warns of a folder that is not there, as before the first collectstatic.
environment.make_folder(STATIC_ROOT)
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "lessy.web.finders.LibrariesFinder",
]
# So that a server needs no collectstatic first.
WHITENOISE_USE_FINDERS = True
LESSY_CLIENT_DIR = environment.folder("LESSY_CLIENT_DIR", holding="index.html")
if LESSY_CLIENT_DIR:
    WHITENOISE_ROOT = LESSY_CLIENT_DIR
    # Named by their content, as webpack (app.3f2a9c1b.js) and Vite (index-BxYz12Ab.js) do: they never change.
    WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/.*(\.[0-9a-f]{6,64}|-(?=\w*[0-9A-Z])[\w-]{8})(\.\w+)+$"
    if (LESSY_CLIENT_DIR / "static").is_dir():  # for runserver, which asks the finders alone
        STATICFILES_DIRS = [LESSY_CLIENT_DIR / "static"]

# Errors

DEFAULT_EXCEPTION_REPORTER = "lessy.reporting.TokenlessReporter"

# Language and time

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# HTTPS: on where the service is seen by it from outside. A proxy ends TLS, and says so in X-Forwarded-Proto.

HTTPS = environment.boolean("LESSY_HTTPS", default=LESSY_ROOT_URL.startswith("https://"))
if HTTPS:
    if not LESSY_TRUSTED_PROXIES:
        raise ImproperlyConfigured(
            "LESSY_TRUSTED_PROXIES is 0: HTTPS (LESSY_ROOT_URL, LESSY_HTTPS) needs a proxy before the server"
        )
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # Asked from inside, without TLS.
    SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics"]
    SECURE_HSTS_SECONDS = int(environment.number("LESSY_HSTS_SECONDS", 365 * 24 * 3600))
    SECURE_HSTS_INCLUDE_SUBDOMAINS = environment.boolean("LESSY_HSTS_SUBDOMAINS", default=False)
    SECURE_HSTS_PRELOAD = SECURE_HSTS_INCLUDE_SUBDOMAINS

if not DEBUG and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS is not set: it is required when DJANGO_DEBUG is off")
