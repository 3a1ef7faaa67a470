"""
The servers that are measured, each configured as for production and, unless stated otherwise, in one process.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR, LESSY, NULL = "floor", "lessy", "null"
CENTRIFUGO_SECRET = "not-a-secret-but-long-enough-for-an-hs256-signature"


@dataclass(frozen=True)
class Contender:
    """
    publication: a key of publications.py. available: whether the server is installed here. processes: how
    many it has, each on its own port. apart: whether the sockets of a user are on different processes.
    settings: the settings module, for servers that run this project. client: a key of CLIENTS in load.py.
    """

    name: str
    title: str
    publication: str
    command: Callable[[int], list[str]]
    versions: Callable[[], str]
    available: Callable[[], bool] = lambda: True
    processes: int = 1
    apart: bool = False
    settings: str = "lessy.settings"
    client: str = "websocket"


def _daphne(application: str) -> Callable[[int], list[str]]:
    """With our own backlog: with daphne's, a connection storm would measure the kernel's retries."""
    return lambda port: [
        *(sys.executable, "-m", "daphne", "-v", "0"),
        *("-e", f"tcp:port={port}:interface=127.0.0.1:backlog=4096", application),
    ]


def _versions(*packages: str) -> Callable[[], str]:
    return lambda: ", ".join(f"{package} {version(package)}" for package in packages)


def _rails(port: int) -> list[str]:
    binding = f"tcp://127.0.0.1:{port}"
    return ["puma", "-q", "-e", "production", "-t", "4:4", "-b", binding, "benchmarks/servers/rails.ru"]


def _rails_versions() -> str:
    names = ["ruby-actioncable", "puma", "ruby-redis"]
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names]
    return (
        subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().replace("\n", ", ")
    )


def _rails_installed() -> bool:
    return bool(shutil.which("puma") and shutil.which("dpkg-query")) and "ruby-actioncable" in _packages()


def _packages() -> str:
    query = ["dpkg-query", "-W", "-f", "${Package}\n", "ruby-actioncable", "ruby-redis"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout


def _centrifugo(port: int) -> list[str]:
    """Verifies JWTs, and subscribes each user to a personal channel; otherwise Centrifugo's defaults."""
    settings = {
        "HTTP_SERVER_ADDRESS": "127.0.0.1",
        "HTTP_SERVER_PORT": port,
        "CLIENT_ALLOWED_ORIGINS": "*",
        "CLIENT_TOKEN_HMAC_SECRET_KEY": CENTRIFUGO_SECRET,
        "CLIENT_SUBSCRIBE_TO_USER_PERSONAL_CHANNEL_ENABLED": "true",
        "ENGINE_TYPE": "redis",
        "ENGINE_REDIS_ADDRESS": "$REDIS_URL",
        "LOG_LEVEL": "error",
    }
    assignments = " ".join(f'CENTRIFUGO_{name}="{value}"' for name, value in settings.items())
    return ["sh", "-c", f"{assignments} exec centrifugo"]


def _centrifugo_version() -> str:
    """What `centrifugo version` prints."""
    return subprocess.run(
        ["centrifugo", "version"], capture_output=True, text=True, check=True
    ).stdout.strip()


CONTENDERS = [
    Contender(
        LESSY,
        "Lessy on daphne (`manage.py serve`)",
        "cable",
        lambda port: [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}", "--drain", "0"],
        _versions("daphne", "Twisted", "autobahn", "channels", "channels-redis", "redis", "hiredis"),
    ),
    Contender(
        "uvicorn",
        "Lessy on uvicorn",
        "cable",
        lambda port: [
            *(sys.executable, "-m", "uvicorn", "lessy.asgi:application", "--log-level", "warning"),
            *("--port", str(port), "--loop", "uvloop", "--backlog", "4096"),
        ],
        _versions("uvicorn", "uvloop", "websockets", "httptools"),
    ),
    Contender(
        FLOOR,
        "bare ASGI application on daphne: the floor",
        "plain",
        _daphne("benchmarks.servers.floor:application"),
        _versions("daphne", "Twisted", "autobahn", "redis", "hiredis"),
    ),
    Contender(
        "textbook",
        "textbook AsyncJsonWebsocketConsumer on daphne",
        "textbook",
        _daphne("benchmarks.servers.textbook:application"),
        _versions("channels", "channels-redis", "daphne"),
    ),
    Contender(
        "packaged",
        "django-actioncable on daphne",
        "packaged",
        _daphne("benchmarks.servers.packaged:application"),
        _versions("django-actioncable", "channels", "channels-redis", "daphne"),
    ),
    Contender(
        "rails",
        "Rails Action Cable on puma, 4 threads",
        "plain",
        _rails,
        _rails_versions,
        _rails_installed,
    ),
    Contender(
        "centrifugo",
        "Centrifugo, on as many cores as there are",
        "centrifugo",
        _centrifugo,
        _centrifugo_version,
        lambda: shutil.which("centrifugo") is not None,
        client="centrifugo",
    ),
]
SENDER = Contender(
    NULL,
    "nothing but `send`: what the kernel takes for it",
    "",
    lambda port: [sys.executable, "-m", "benchmarks.servers.null", str(port)],
    _versions("uvloop"),
)
PAIR = replace(CONTENDERS[0], name="pair", title="two processes of Lessy, each user on one", processes=2)
APART = replace(PAIR, name="apart", title="two processes of Lessy, each user on both", apart=True)
STREAMS = replace(CONTENDERS[0], name="streams", title="Lessy, to streams of events", client="stream")
UVICORN_STREAMS = replace(
    CONTENDERS[1], name="uvicorn-streams", title="Lessy on uvicorn, to streams of events", client="stream"
)
TEAMS = replace(
    PAIR,
    name="teams",
    title="two processes of Lessy, with rows of many readers",
    settings="tests.teams.settings",
)
OTHERS = (SENDER, PAIR, APART, STREAMS, UVICORN_STREAMS, TEAMS)
BY_NAME = {contender.name: contender for contender in (*CONTENDERS, *OTHERS)}
