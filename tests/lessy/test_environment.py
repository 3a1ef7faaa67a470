"""What the environment says is read by type; what is wrong with it stops the boot, a sentence for each."""

import re
from dataclasses import dataclass
from typing import Literal

import pytest
from django.core.exceptions import ImproperlyConfigured

from lessy.ground import environment, faults
from tests.support.site import ROOT

SECRET = "hunter2secret"


@dataclass
class Limits:
    sockets: int = 5
    seconds: float = 0.5
    grace: float = 1.0
    name: str = "x"
    strict: bool = False
    unit: Literal["s", "ms"] = "s"
    words: tuple[str, ...] = ()
    kept: str = "not to be set"


@pytest.fixture
def limits(monkeypatch):
    def read(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"DOOR_{name}", value)
        return environment.of_fields("DOOR_", Limits, without={"kept"}, may_be_zero={"grace"})

    return read


@pytest.fixture
def told():
    """told(): the lines that would stop the boot; of variables, those that are given."""

    def lines(**variables):
        try:
            faults.report(variables)
        except ImproperlyConfigured as exc:
            return str(exc).splitlines()
        return []

    yield lines
    lines()


def test_of_a_dataclass_each_field_that_is_set_is_read_by_its_type(limits):
    told = {"SOCKETS": "7", "SECONDS": "1.5", "GRACE": "0", "NAME": "y", "STRICT": "on", "UNIT": "MS"}
    read = {"SOCKETS": 7, "SECONDS": 1.5, "GRACE": 0.0, "NAME": "y", "STRICT": True, "UNIT": "ms"}
    assert limits(**told, WORDS="a, b", KEPT="z") == {**read, "WORDS": ["a", "b"]}


def test_what_is_not_set_keeps_its_default(limits):
    assert limits(SOCKETS="") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("SOCKETS", "1.5"), ("SOCKETS", "0"), ("SOCKETS", "-1"), ("SOCKETS", "٣"), ("SECONDS", "fast")),
        *(("SECONDS", "0.0"), ("GRACE", "-1"), ("STRICT", "perhaps"), ("UNIT", "us")),
    ],
)
def test_a_bad_value_is_refused_by_name(limits, told, name, value):
    limits(**{name: value})
    [line] = told()
    assert line.startswith(f"DOOR_{name}='{value}': expected ")


@pytest.mark.parametrize("name", ["SOCKETS", "SECONDS"])
def test_a_number_of_thousands_of_digits_is_refused_and_cut_off(limits, told, name):
    limits(**{name: "9" * 10_000})
    [line] = told()
    assert len(line) < 120


def test_b2_all_faults_are_told_at_once(limits, told):
    limits(SOCKETS="0", SECONDS="x", STRICT="perhaps")
    assert [line.partition("=")[0] for line in told()] == ["DOOR_SOCKETS", "DOOR_SECONDS", "DOOR_STRICT"]
    assert told() == []


@pytest.mark.parametrize(
    ("unknown", "near"),
    [
        ("CABLE_OVERLAPP", "CABLE_OVERLAP"),
        ("CABLE_TRUSTED_PROXIES", "LESSY_TRUSTED_PROXIES"),
        ("LESSY_THROTTLE_LOGIN_ADDRES", "LESSY_THROTTLE_LOGIN_ADDRESS"),
        ("SERVER_REQUEST_BYTE", "SERVER_REQUEST_BYTES"),
        ("DJANGO_ALOWED_HOSTS", "DJANGO_ALLOWED_HOSTS"),
        ("cable_overlap", "CABLE_OVERLAP"),
    ],
)
def test_b2_an_unknown_variable_is_refused_with_the_nearest_name(told, unknown, near):
    assert told(**{unknown: SECRET}) == [f"{unknown} is not a variable of this project: did you mean {near}?"]


def test_b2_a_name_that_resembles_none_is_refused_as_well(told):
    [line] = told(CABLE_XYZ="1")
    assert line == "CABLE_XYZ is not a variable of this project (docs/operations.md lists them)"


@pytest.mark.parametrize(
    "name",
    [
        *("LESSY_SERVICE_HOST", "LESSY_WEB_SERVICE_PORT_HTTP", "LESSY_PORT", "LESSY_PORT_8000_TCP"),
        *("CABLE_PORT_8000_TCP_ADDR", "SERVER_SOFTWARE", "SERVER_NAME", "DJANGO_SUPERUSER_PASSWORD"),
        *("DJANGO_SETTINGS_MODULE", "DJANGO_DEBUG_TOOLBAR", "HOSTNAME"),
    ],
)
def test_what_kubernetes_and_others_set_is_not_refused(told, name):
    assert told(**{name: "tcp://10.0.0.1:8000"}) == []


def names_in(path):
    return set(re.findall(r"\b(?:CABLE|LESSY|SERVER)_[A-Z_]*[A-Z]\b", path.read_text()))


def test_b2_every_variable_of_the_documentation_exists(told):
    settings = {"LESSY_THROTTLE_RATES", "SERVER_EMAIL", "SERVER_RESTART"}
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "changelog.md":
            assert told(**dict.fromkeys(names_in(page) - settings, "")) == [], page


def test_b2_every_variable_of_the_tests_is_declared(told):
    """Those that are read while tests run, when the settings are read as well."""
    read = re.compile(r"""environ(?:\.get\(|\[|\.setdefault\()\s*["']((?:CABLE|LESSY|SERVER)_\w+)""")
    for path in [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        if "node_modules" not in path.parts:
            assert told(**dict.fromkeys(read.findall(path.read_text()), "")) == [], path


# What may hold a secret is never shown


@pytest.mark.parametrize(
    ("read", "name", "value"),
    [
        (environment.redis_urls, "REDIS_URL", f"reddis://:{SECRET}@h"),
        (environment.redis_urls, "REDIS_URL", f"redis://:{SECRET},{SECRET}@h:6379/0"),
        (environment.redis_urls, "REDIS_URL", f"redis://:12,{SECRET}@h:6379/0"),
        (environment.redis_urls, "REDIS_URL", f"redis://:{SECRET}/{SECRET}@h:6379/0"),
        (environment.redis_urls, "REDIS_URL", f"redis://:{SECRET}#{SECRET}@h:6379/0"),
        (environment.redis_urls, "REDIS_URL", f"redis://:{SECRET}@h?socket_timeout={SECRET}"),
        (environment.redis_urls, "REDIS_URL", f"redis://[{SECRET}"),
        (environment.redis_urls, "REDIS_URL", SECRET),
        (environment.database, "DATABASE_URL", f"foo://u:{SECRET}@h/x"),
        (environment.database, "DATABASE_URL", f"postgres://u:{SECRET}/{SECRET}@h/x"),
        (environment.database, "DATABASE_URL", f"postgres://u:{SECRET}@h"),
        (environment.database, "DATABASE_URL", f"sqlite://{SECRET}"),
        (environment.database, "DATABASE_URL", SECRET),
        (environment.database, "DATABASE_URL", ""),
        (environment.email, "EMAIL_URL", f"bogus{SECRET}"),
        (environment.email, "EMAIL_URL", f"smtp://u:{SECRET}/{SECRET}@h"),
        (environment.email, "EMAIL_URL", f"smtps://u:{SECRET}@"),
        (environment.root_url, "LESSY_ROOT_URL", f"https://u:{SECRET}@lessy.example"),
        (environment.root_url, "LESSY_ROOT_URL", f"https://lessy.example:{SECRET}"),
    ],
)
def test_b2_a_url_that_cannot_be_read_is_named_and_not_shown(monkeypatch, told, read, name, value):
    monkeypatch.setenv(name, value)
    default = {"DATABASE_URL": "sqlite:////tmp/x", "EMAIL_URL": "consolemail://"}.get(name, "http://h")
    read(name) if read is environment.redis_urls else read(name, default)
    [line] = told()
    assert line.startswith(f"{name}: ")
    assert SECRET not in line
    assert SECRET.upper() not in line.upper()


@pytest.mark.parametrize(
    ("key", "why"), [("a", "guessed"), (SECRET, "guessed"), ("ab" * 30, "guessed"), ("", "not set")]
)
def test_c8_a_key_that_can_be_guessed_is_refused(monkeypatch, told, tmp_path, key, why):
    monkeypatch.setenv("DOOR_KEY", key)
    assert environment.secret_key("DOOR_KEY", debug=False, generated=tmp_path / "key") != key
    [line] = told()
    assert why in line
    assert not key or key not in line.replace("DOOR_KEY", "").split()


def test_a_value_that_begins_with_a_dollar_is_a_value(monkeypatch, told, tmp_path):
    """django-environ would take it for the name of another variable."""
    key = "$" + "0123456789abcdefghij" * 2
    monkeypatch.setenv("DOOR_KEY", key)
    assert environment.secret_key("DOOR_KEY", debug=False, generated=tmp_path / "key") == key
    assert told() == []


def test_a_key_is_made_once_and_for_its_owner_alone(monkeypatch, told, tmp_path):
    monkeypatch.delenv("DOOR_KEY", raising=False)
    path = tmp_path / "var" / "key"
    keys = {environment.secret_key("DOOR_KEY", debug=True, generated=path) for _ in range(2)}
    assert len(keys) == 1
    assert path.stat().st_mode & 0o077 == 0
    assert [found.name for found in path.parent.iterdir()] == ["key"]


@pytest.mark.parametrize("host", ["https://lessy.example", "localhost:8000", "lessy.example/", "a b"])
def test_a_host_that_would_never_match_is_refused(monkeypatch, told, host):
    monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", f"lessy.example,{host}")
    environment.hosts("DJANGO_ALLOWED_HOSTS")
    [line] = told()
    assert line.startswith("DJANGO_ALLOWED_HOSTS holds ")


def test_hosts_as_django_compares_them(monkeypatch, told):
    monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", "lessy.example, .lessy.example,127.0.0.1,[::1],*,web_1")
    assert len(environment.hosts("DJANGO_ALLOWED_HOSTS")) == 6
    assert told() == []
