"""compose.yaml and Dockerfile, as far as they can be judged without Docker."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.required import missing
from tests.support.site import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_services_that_are_there(name):
    service = SERVICES[name]
    assert ("image" in service) != ("build" in service)
    for other, wait in service.get("depends_on", {}).items():
        assert other in SERVICES
        if wait["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]


def test_its_volumes_are_declared():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_every_variable_is_one_that_the_settings_read():
    settings = (ROOT / "lessy" / "settings.py").read_text()
    for name in SERVICES["web"]["environment"]:
        assert f'"{name}"' in settings


def test_a_secret_has_no_default():
    assert SERVICES["web"]["environment"]["DJANGO_SECRET_KEY"].startswith("${DJANGO_SECRET_KEY:?")


def test_images_are_of_a_version():
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    images.append(re.match(r"FROM (\S+)", DOCKERFILE)[1])
    assert all(re.search(r":\d", image) for image in images)


def test_the_image_has_every_folder_that_is_installed_and_runs_as_nobody():
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {"lessy", "notifications", "projects", "tasks", "manage.py"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists()
    assert "USER 10001" in DOCKERFILE


def has_nothing_to_say(linter, *words):
    done = subprocess.run([linter, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_a_linter_accepts_the_dockerfile():
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent) or missing("hadolint")
    has_nothing_to_say(hadolint, "--no-color", "Dockerfile")


def test_a_linter_accepts_the_compose_file():
    dclint = ROOT / "tests/clients/node_modules/.bin/dclint"
    if shutil.which("node") is None or not dclint.exists():
        missing("dclint (with node and make setup)")
    has_nothing_to_say(dclint, "--max-warnings", "0", "compose.yaml")
