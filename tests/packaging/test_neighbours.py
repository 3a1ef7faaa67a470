"""
In an environment of somebody else's, with their pins and a package `notifications`: what is installed as
docs/plugging-in.md says moves nothing, and leaves everything as it was when it goes.
"""

import hashlib
import shutil
import sys

import pytest

from tests.docs.pages import block
from tests.support.house import House
from tests.support.site import ROOT
from tests.support.wheel import OFFLINE, environment, pip, run, virtual_environment

# Those that a project had; pip once moved the first three. The last is the django-notifications-hq
# that works with this Django; of both the package is `notifications`.
PINS = (
    "Django==5.2.3",
    "asgiref==3.8.1",
    "cryptography==44.0.3",
    "django-notifications-community==1.12.3",
)
PACKAGE = {
    "tell": "from notifications.signals import notify; notify.send(laura, recipient=laura, verb='waved')",
    "models": "from notifications.models import Notification as Notice",
}
OWN = {
    "tell": "from notifications.models import Notice; Notice.objects.create(reader=laura, text='waved')",
    "models": "from notifications.models import Notice",
}


class Environment:
    """Somebody's project folder, with requirements.txt, and their virtual environment."""

    def __init__(self, folder):
        self.folder = folder
        run(sys.executable, "-m", "venv", folder / "venv")
        self.python = folder / "venv/bin/python"
        self.env = environment(PATH=f"{self.python.parent}:/usr/bin:/bin")
        (folder / "requirements.txt").write_text("\n".join(PINS))
        self.sh("pip install --quiet --disable-pip-version-check -r requirements.txt")

    def sh(self, line):
        return run("sh", "-ec", line, env=self.env, cwd=self.folder)

    def versions(self):
        return set(self.sh("pip freeze").splitlines())

    def their_files(self):
        return files_of_notifications(self.folder / "venv")


def files_of_notifications(environment):
    """Each file of the installed package of that name, with what is in it."""
    [package] = environment.glob("lib/python*/site-packages/notifications")
    found = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory, wheel):
    """before: their versions and files, before the block of the page was run."""
    found = Environment(tmp_path_factory.mktemp("stranger"))
    found.before = (found.versions(), found.their_files())
    lines = block("docs/plugging-in.md", "sh", "constraints.txt").text
    found.sh(lines.replace("path/to/the/clone", str(wheel)))
    return found


def test_17_what_is_installed_beside_the_own_requirements_moves_none_of_them(stranger):
    versions, _ = stranger.before
    added = stranger.versions() - versions
    assert versions <= stranger.versions()
    assert any("django-sync-cable" in line or "django_sync_cable" in line for line in added)
    stranger.sh("pip check")


def test_17_not_a_file_of_a_package_of_that_name_is_touched(stranger):
    _, files = stranger.before
    assert stranger.their_files() == files
    assert len(files) > 20


def test_17_django_notifications_hq_keeps_its_files(wheel, tmp_path):
    """Of which 14 were overwritten. Its last release works with no Django that is supported."""
    python = virtual_environment(tmp_path / "venv")
    options = ("--quiet", "--no-deps", "--no-build-isolation")
    pip("--python", python, "install", *options, "django-notifications-hq==1.8.3")
    before = files_of_notifications(tmp_path / "venv")
    pip("--python", python, "install", *options, "--no-index", wheel)
    assert files_of_notifications(tmp_path / "venv") == before
    pip("--python", python, "uninstall", "--quiet", "--yes", "django-sync-cable")
    assert files_of_notifications(tmp_path / "venv") == before


@pytest.fixture(params=["package", "own"])
def house(request, stranger, redis_server, tmp_path):
    """With an app `notifications`: that of the package, or one of the project's own in its place."""
    found = House(tmp_path, stranger.python, redis_server, apps=("notifications",))
    if request.param == "own":
        shutil.copytree(ROOT / "tests/packaging/own_app/notifications", tmp_path / "notifications")
    found.theirs = {"package": PACKAGE, "own": OWN}[request.param]
    return found


def unread(house, headers):
    return house.get("/inbox/api/unread_count/", headers).json()["unread_count"]


def test_17_an_app_notifications_and_the_cable_work_side_by_side(house):
    headers = house.move_in()
    child = house.serve()
    try:
        with house.connect(headers) as socket:
            socket.subscribe()
            book = house.new_book()
            assert socket.message() == {"action": "create#books", "id": book}
        house.shell(house.theirs["tell"])
        assert unread(house, headers) == 1
    finally:
        child.stop()


def test_17_uninstalling_the_cable_leaves_theirs_whole(stranger, house, wheel):
    _, files = stranger.before
    house.move_in()
    stranger.sh("pip uninstall --yes django-sync-cable")
    try:
        assert stranger.their_files() == files
        house.shell(house.theirs["tell"], cable=False)
        count = f"{house.theirs['models']}; print(Notice.objects.count())"
        assert house.shell(count, cable=False) == "1"
        assert "no issues" in house.run("-m", "django", "check", cable=False)
    finally:
        pip("--python", stranger.python, "install", "--quiet", *OFFLINE, wheel)
