"""compose.yaml and Dockerfile, as far as they can be judged without Docker."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import block
from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
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


def test_what_the_page_types_is_what_the_file_wants():
    """Every variable that has no default, and a service that may be scaled: it publishes no port."""
    [line] = block("docs/deployment.md", "sh", "docker compose").text.splitlines()
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text()))
    assert set(re.findall(r"(\w+)=\S+ ", line.partition("docker compose")[0] + " ")) == asked
    scaled = SERVICES[re.search(r"--scale (\w+)=2", line)[1]]
    assert "ports" not in scaled


def test_its_proxy_brings_a_socket_to_the_server(site, server, cooper):
    """By its own command, on a port of this machine and without TLS, for which it would need the name."""
    caddy = shutil.which("caddy") or missing("caddy")
    _, *words = SERVICES["proxy"]["command"]
    port = free_port()
    places = {"${LESSY_HOST}": f"http://:{port}", "web:8000": f"127.0.0.1:{server.port}"}
    child = Child([caddy, *(places.get(word, word) for word in words)])
    child.wait_until_it_answers(port)
    try:
        with CableSocket(f"ws://127.0.0.1:{port}/cable", token=cooper.token) as socket:
            socket.subscribe()
            task = site.new_task(cooper)
            assert socket.message() == {"action": "create#tasks", "id": task}
    finally:
        child.stop()


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
