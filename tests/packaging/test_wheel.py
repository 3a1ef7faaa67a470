"""What the wheel holds, and whatever else is installed from this repository."""

import re
import sys
import tarfile
import tomllib
from zipfile import ZipFile

import pytest

from tests.support.site import ROOT
from tests.support.wheel import OFFLINE, copy_of_the_source, pip, run, virtual_environment

TREE = {
    path.relative_to(ROOT / "notifications").as_posix()
    for path in (ROOT / "notifications").rglob("*")
    if path.is_file() and path.suffix != ".pyc"
}


def version():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_wheel_holds_every_file_of_the_app_and_nothing_else(wheel):
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == {f"sync_cable/{name}" for name in TREE}
    assert {"py.typed", "migrations/0001_initial.py", "templates/sync_cable/cable.html"} <= TREE


def test_a_new_folder_is_in_the_wheel_without_being_listed(tmp_path):
    source = copy_of_the_source(tmp_path)
    room = source / "notifications/attic/boxes"
    room.mkdir(parents=True)
    for folder in (room.parent, room):
        (folder / "__init__.py").touch()
    pip("wheel", "--quiet", *OFFLINE, "--no-build-isolation", "--wheel-dir", tmp_path, source)
    [built] = tmp_path.glob("*.whl")
    assert "sync_cable/attic/boxes/__init__.py" in ZipFile(built).namelist()


def test_the_wheel_installs_nothing_but_its_package(wheel):
    """The distribution's only top-level name: another's package `notifications` is never overwritten."""
    held = ZipFile(wheel)
    roots = {name.split("/")[0] for name in held.namelist()}
    assert roots == {"sync_cable", f"django_sync_cable-{version()}.dist-info"}


@pytest.fixture
def sdist(tmp_path):
    source = copy_of_the_source(tmp_path)
    make = "from setuptools.build_meta import build_sdist; build_sdist('made')"
    run(sys.executable, "-c", make, cwd=source)
    [made] = (source / "made").glob("*.tar.gz")
    return made


def test_the_source_distribution_gives_the_same_wheel(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as held:
        assert {name.split("/")[1] for name in held.getnames() if "/" in name} == {
            "LICENSE", "PKG-INFO", "README.md", "django_sync_cable.egg-info", "notifications",
            "pyproject.toml", "setup.cfg", "setup.py",
        }  # fmt: skip
    folder = tmp_path / "again"
    pip("wheel", "--quiet", *OFFLINE, "--no-build-isolation", "--wheel-dir", folder, sdist)
    [again] = folder.glob("*.whl")
    assert set(ZipFile(again).namelist()) == set(ZipFile(wheel).namelist())


def test_an_editable_install_has_the_app_under_its_installed_name(tmp_path):
    source = copy_of_the_source(tmp_path)
    python = virtual_environment(tmp_path / "venv")
    pip("--python", python, "install", "--quiet", *OFFLINE, "--no-build-isolation", "--editable", source)
    where = "import sync_cable.wire.protocol as found; print(found.__file__)"
    assert run(python, "-c", where, cwd=tmp_path) == str(source / "notifications/wire/protocol.py")


# As a dotted name, or as a whole text.
OUR_NAME = re.compile(r"""\bnotifications\.[a-z]|["'`]notifications["'`]""")
# The label that it had before.
FORMER = 'FORMER_LABEL = "notifications"'


@pytest.mark.parametrize("name", sorted(name for name in TREE if not name.endswith("py.typed")))
def test_17_nothing_in_it_says_the_name_that_it_has_in_this_repository_alone(name):
    """Neither a default nor a logger nor a message: where it is installed, nothing of that name is ours."""
    text = (ROOT / "notifications" / name).read_text().replace(FORMER, "")
    lines = [line for line in text.splitlines() if OUR_NAME.search(line) and "label" not in line]
    assert lines == []
