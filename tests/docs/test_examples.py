"""What is said on every page: all Python is Python, and every setting has its line."""

import json
import os
import re
import shutil
import subprocess

import pytest
from pytest_examples import find_examples

from notifications.conf import CableSettings
from tests.docs.pages import block
from tests.support.required import missing
from tests.support.site import ROOT

EXAMPLES = [
    example
    for example in find_examples(str(ROOT / "docs"), str(ROOT / "README.md"))
    if example.prefix.split()[:1] == ["python"]
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_it_is_python(example):
    compile(example.source, str(example.path), "exec")


def test_every_setting_of_the_cable_is_documented():
    page = (ROOT / "docs" / "plugging-in.md").read_text()
    operations = (ROOT / "docs" / "operations.md").read_text()
    undocumented = [
        name.upper()
        for name in CableSettings.__dataclass_fields__
        if not re.search(rf"\b{name.upper()}\b", page) and f"CABLE_{name.upper()}" not in operations
    ]
    assert undocumented == []


def test_the_health_answer_is_as_shown(server):
    answer = server.request("GET", "/health/ready").text
    shown = re.sub(r'("reconciled_age_seconds": )[\d.]+', r"\g<1>12.3", answer)
    assert f"`{shown}`" in (ROOT / "docs" / "operations.md").read_text()


def test_the_commands_of_the_api_page_make_a_task(site, server):
    """As a reader types them: the second with the token that the first has shown."""
    shutil.which("curl") or missing("curl")
    site.shell(
        "from lessy.accounts.models import User\n"
        "User.objects.create_user('dalecooper', 'dalecooper@example.com', 'secret')"
    )
    text = block("docs/api.md", "sh").text.replace("localhost:8000", f"127.0.0.1:{server.port}")
    log_in, create = [line for line in text.splitlines() if not line.startswith("#")]
    token = json.loads(typed(log_in))["meta"]["token"]
    made = json.loads(typed(create, TOKEN=token))
    assert made["data"]["attributes"]["label"] == "Buy coffee"


def typed(line, **env):
    done = subprocess.run(
        ["sh", "-c", line], env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
