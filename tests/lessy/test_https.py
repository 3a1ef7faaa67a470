"""The documented production settings, and plain HTTP without them."""

import os
import subprocess

import httpx
import pytest

from tests.support.site import MANAGE, ROOT, new_site

# docs/operations.md holds the same block.
PRODUCTION = {
    "DJANGO_SECRET_KEY": "x7!Qb-4kZp_2mVt9Ld+6rWc8Nf0Hs3Jg5Ya1Ue$TiOwEqRxDnBk",
    "DJANGO_ALLOWED_HOSTS": "lessy.example",
    "DATABASE_URL": "postgres://lessy@localhost/lessy",
    "REDIS_URL": "redis://localhost:6379/0",
    "EMAIL_URL": "smtp://localhost:25",
    "LESSY_ROOT_URL": "https://lessy.example",
    "LESSY_TRUSTED_PROXIES": "1",
    "LESSY_HSTS_SUBDOMAINS": "on",
}


def check(**env):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "LESSY_"))}
    command = [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, env=clean | env, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_documentation_names_these_settings():
    page = (ROOT / "docs/operations.md").read_text()
    for name, value in PRODUCTION.items():
        assert name in page
        if name.startswith("LESSY_"):
            assert f"{name}={value}" in page


def test_check_deploy_complains_of_what_is_not_fit_for_production():
    assert "security.W004" in check(**PRODUCTION | {"LESSY_ROOT_URL": "http://lessy.example"}).stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LESSY_TRUSTED_PROXIES", "0"),
        ("LESSY_ROOT_URL", "lessy.example"),
        ("LESSY_ROOT_URL", "ftp://lessy.example"),
        ("LESSY_HTTPS", "perhaps"),
        ("LESSY_HSTS_SECONDS", "long"),
        ("LESSY_THROTTLE_LOGIN_ADDRESS", "often"),
        ("LESSY_THROTTLES", "no limits"),
    ],
)
def test_a_bad_value_stops_the_boot_with_a_sentence_that_names_the_variable(name, value):
    done = check(**PRODUCTION | {name: value})
    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]


def test_behind_a_proxy_http_is_sent_to_https_and_https_is_trusted(redis_server):
    with new_site(
        redis_server,
        LESSY_ROOT_URL="https://127.0.0.1",
        LESSY_TRUSTED_PROXIES="1",
        EMAIL_URL="consolemail://",
    ) as site:
        url = site.servers[0].url
        assert httpx.get(f"{url}/api").status_code == 301
        assert httpx.get(f"{url}/health/live").status_code == 200
        answer = httpx.get(f"{url}/api", headers={"X-Forwarded-Proto": "https"})
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_check_deploy_is_silent_with_the_documented_settings():
    done = check(**PRODUCTION)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (0 silenced).\n"
