"""
The settings of the project; no other module reads environment variables. docs/operations.md lists them.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry

from lessy.ground import environment, faults, logs, sentinel
from notifications.broker.installation import database_name, identity
from notifications.conf import CHANNEL_LAYER, MAY_BE_ZERO, POSTGRESQL, CableSettings
from notifications.ground.libpq import DEADLINES

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

DEBUG = environment.boolean("DJANGO_DEBUG", default=False)
SECRET_KEY = environment.secret_key("DJANGO_SECRET_KEY", debug=DEBUG, generated=VAR_DIR / "secret_key")
ALLOWED_HOSTS = environment.hosts("DJANGO_ALLOWED_HOSTS")

INSTALLED_APPS = [
    "lessy",  # before daphne: lessy's runserver reports why it cannot listen
    "daphne",  # before staticfiles: daphne's runserver serves WebSockets
    "lessy.accounts",
    "lessy.web",
    "projects",
    "tasks",
    "notifications",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # serves Swagger UI's scripts locally, without a CDN
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
    "lessy.client_files.ClientFiles",
    "lessy.policy.Policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# The API works with and without a trailing slash and never redirects: a redirect would lose a POST's body.
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

DATABASES = {
    "default": environment.database(
        "DATABASE_URL", f"sqlite:///{VAR_DIR / 'lessy.sqlite3'}", postgresql=DEADLINES
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    environment.make_folder(VAR_DIR)
    DATABASES["default"]["OPTIONS"] = {
        # A deferred transaction that reads and then writes fails at once if another one wrote in between.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["lessy.accounts.backends.ThrottledBackend"]

REDIS_URLS = environment.redis_urls("REDIS_URL")
ON_POSTGRESQL = DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
CHANNEL_LAYERS: dict[str, dict[str, Any]]
if REDIS_URLS:
    CHANNEL_LAYERS = {
        "default": {
            # Not RedisChannelLayer: it silently drops messages above its capacity, and its groups expire.
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [sentinel.host(url) for url in REDIS_URLS]},
        }
    }
else:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            # Above its capacity it silently drops messages.
            "CONFIG": {"capacity": 100_000},
        }
    }

# What separates this installation from others on the same Redis: see docs/operations.md.
CABLE_PREFIX = environment.text("CABLE_PREFIX")
INSTALLATION = CABLE_PREFIX or identity(SECRET_KEY, database_name(DATABASES["default"]))

# How many of our proxies append to X-Forwarded-For. If it is too high, clients can forge their address.
LESSY_TRUSTED_PROXIES = environment.whole_number("LESSY_TRUSTED_PROXIES", 0)

# Counters of the rate limits: shared in Redis; while Redis is down, each process has its own.
MEMORY_CACHE = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "LOCATION": "lessy",
    # Above the maximum a third of the entries is evicted: with a low one, an attacker could evict the
    # counters by trying many user names.
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}
CACHES: dict[str, dict[str, Any]] = {
    "default": MEMORY_CACHE,
    "memory": MEMORY_CACHE,
    # Not cached: flags are read rarely, and a change in the admin must reach every process at once.
    "flags": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
if REDIS_URLS:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # Only the first URL: Django would treat the others as replicas, but they are shards. In a list,
        # because Django splits a string at commas, and a Sentinel URL contains commas.
        "LOCATION": REDIS_URLS[:1],
        # Without it, two installations on one Redis database would share counters.
        "KEY_PREFIX": f"lessy.{INSTALLATION}",
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": Retry(NoBackoff(), 0)},
    }
    if REDIS_URLS[0].startswith(sentinel.SCHEME):
        CACHES["default"]["OPTIONS"]["pool_class"] = "lessy.ground.sentinel.SentinelPool"
WAFFLE_CACHE_NAME = "flags"

# The cable

# manage.py serve. ServerSettings in notifications/conf.py documents each key.
SERVER: dict[str, Any] = {
    "NAME": "lessy",
    "ERROR_BODY": "lessy.api.errors.error_body",
    "DRAIN_SECONDS": environment.number("CABLE_DRAIN_SECONDS", 10),
    "MESSAGE_SECONDS": environment.number("SERVER_MESSAGE_SECONDS", 6, least=1),
    "REQUEST_SECONDS": environment.number("SERVER_REQUEST_SECONDS", 30, least=1),
    "RESPONSE_SECONDS": environment.number("SERVER_RESPONSE_SECONDS", 30, least=1),
    "CONTROL_FRAMES_PER_SECOND": environment.number("SERVER_CONTROL_FRAMES_PER_SECOND", 20, least=1),
    "DEAD_PEER_SECONDS": environment.number("SERVER_DEAD_PEER_SECONDS", 50, least=1),
    "REQUEST_BYTES": environment.whole_number("SERVER_REQUEST_BYTES", 5 * 1024 * 1024, least=1),
    "REQUEST_THREADS": environment.whole_number("SERVER_REQUEST_THREADS", 16, least=1),
    "REQUEST_QUEUE": environment.whole_number("SERVER_REQUEST_QUEUE", 500),
}
CABLE = {
    "RESOURCES": {
        # monotonic: the hybrid clock (lessy/ground/clock.py) increases updated_at with every change of a row.
        "projects": {"model": "projects.Project", "owner": "user", "monotonic": True},
        "tasks": {"model": "tasks.Task", "owner": "user", "monotonic": True},
    },
    "AUTHENTICATOR": "lessy.accounts.cable.TokenAuthenticator",
    "TRUSTED_PROXIES": LESSY_TRUSTED_PROXIES,
    "SERVER": SERVER,
    "BROKER": POSTGRESQL if ON_POSTGRESQL and not REDIS_URLS else CHANNEL_LAYER,
    # Without a broker, processes learn of each other's changes only by the reconcile.
    **({} if ON_POSTGRESQL or REDIS_URLS else {"RECONCILE_INTERVAL": 1.0}),
    # Every other field of CableSettings has a variable: CABLE_OVERLAP, CABLE_ALLOWED_ORIGINS, …
    **environment.of_fields(
        "CABLE_",
        CableSettings,
        without={"resources", "channels", "authenticator", "channel_layer", "trusted_proxies"},
        may_be_zero=MAY_BE_ZERO,
    ),
}

# The API

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["lessy.accounts.authentication.TokenAuthentication"],
    "DEFAULT_PARSER_CLASSES": ["lessy.api.parsers.SnakeCaseParser"],
    "DEFAULT_RENDERER_CLASSES": ["lessy.api.renderers.CamelCaseRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "lessy.api.renderers.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "lessy.api.errors.exception_handler",
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

# Rows per user. Some responses contain all of them (the tasks of a project, the tasks that a move shifts).
LESSY_MAX_PROJECTS = environment.whole_number("LESSY_MAX_PROJECTS", 1_000, least=1)
LESSY_MAX_TASKS = environment.whole_number("LESSY_MAX_TASKS", 50_000, least=1)

# Each rate has its own variable: LESSY_THROTTLE_LOGIN_ADDRESS=30/min. A scope that is absent or None has no
# limit.
LESSY_THROTTLE_RATES: dict[str, str | None] = environment.rates(
    "LESSY_THROTTLE_",
    login_address="30/min",
    login_account="10/min",
    registration_address="20/hour",
    registration_account="5/hour",
    mail_address="20/hour",
    mail_account="5/hour",
    hashing_address="30/min",
    hashing_account="10/min",
    user="1200/min",
)
if not environment.boolean("LESSY_THROTTLES", default=True):
    LESSY_THROTTLE_RATES = {}

# Mail

EMAIL = environment.email("EMAIL_URL", "consolemail://" if DEBUG else "smtp://localhost:25")
vars().update(EMAIL)
EMAIL_TIMEOUT = 10  # seconds; without it, a request waits for ever for a mail server that does not respond
LESSY_ROOT_URL = environment.root_url("LESSY_ROOT_URL", "http://127.0.0.1:8000")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = f"noreply@{urlsplit(LESSY_ROOT_URL).hostname}"

# How long mailed links are valid: for a password reset, for an activation.
LESSY_RESET_HOURS = environment.number("LESSY_RESET_HOURS", 2, least=0.1)
LESSY_ACTIVATION_DAYS = environment.number("LESSY_ACTIVATION_DAYS", 7, least=0.1)

# Logs

LOGGING = logs.logging_config(level=environment.choice("LOG_LEVEL", "info", logs.LEVELS), readable=DEBUG)

# Files

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
# WhiteNoise warns if the folder does not exist, as before the first collectstatic.
environment.make_folder(STATIC_ROOT)
STATICFILES_FINDERS = [
    "lessy.client_files.ClientFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "lessy.web.finders.LibrariesFinder",
]
# So that the server works without collectstatic.
WHITENOISE_USE_FINDERS = True
LESSY_CLIENT_DIR = environment.folder("LESSY_CLIENT_DIR", holding="index.html")
if LESSY_CLIENT_DIR:
    WHITENOISE_ROOT = LESSY_CLIENT_DIR
    # Names with a content hash, of webpack (app.3f2a9c1b.js) and Vite (index-BxYz12Ab.js): cached for ever.
    WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/.*(\.[0-9a-f]{6,64}|-(?=\w*[0-9A-Z])[\w-]{8})(\.\w+)+$"
    if (LESSY_CLIENT_DIR / "static").is_dir():  # for runserver, which uses only the finders
        STATICFILES_DIRS = [LESSY_CLIENT_DIR / "static"]

# Errors

DEFAULT_EXCEPTION_REPORTER = "lessy.ground.reporting.TokenlessReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "lessy.ground.reporting.SecretVariables"

# Language and time

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# HTTPS: on if the public URL is https. A proxy terminates TLS and sets X-Forwarded-Proto.

HTTPS = environment.boolean("LESSY_HTTPS", default=LESSY_ROOT_URL.startswith("https://"))
HSTS_SECONDS = environment.whole_number("LESSY_HSTS_SECONDS", 365 * 24 * 3600)
HSTS_SUBDOMAINS = environment.boolean("LESSY_HSTS_SUBDOMAINS", default=False)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # Requested from inside the network, without TLS.
    SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics"]
    SECURE_HSTS_SECONDS = HSTS_SECONDS
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HSTS_SUBDOMAINS

# Faults

if HTTPS and not LESSY_TRUSTED_PROXIES:
    faults.fault(
        "LESSY_TRUSTED_PROXIES is 0: HTTPS (LESSY_ROOT_URL, LESSY_HTTPS) needs a proxy before the server",
        None,
    )
if not DEBUG and not ALLOWED_HOSTS:
    faults.fault("DJANGO_ALLOWED_HOSTS is not set: it is required when DJANGO_DEBUG is off", None)
faults.report()
