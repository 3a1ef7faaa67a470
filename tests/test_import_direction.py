"""Imports go one way, room by room; the cable knows nothing of the project around it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORLD = ("django", "channels", "asyncio", "rest_framework", "twisted", "daphne")

# From the ground up: each may import those before it. What stands in one line knows nothing of each other.
PROJECT = [
    ("lessy.ground",),
    ("lessy.api",),
    ("lessy.accounts",),
    ("projects",),
    ("tasks",),
    ("lessy.web",),
    # The composition: settings, urls, asgi, admin, commands.
    ("lessy",),
]
CABLE = [
    ("wire",),
    ("client",),
    ("conf", "models"),
    ("ground",),
    ("broker",),
    ("changes",),
    ("handshake",),
    ("hub",),
    ("contract", "operations", "server"),
    # Django's own places, and the public API.
    (
        "",
        "admin",
        "apps",
        "broker_checks",
        "checks",
        "consumers",
        "management",
        "migrations",
        "querysets",
        "reach_checks",
        "resource_checks",
        "routing",
        "testing",
        "versions",
    ),
]
PURE_ROOM = "notifications.wire"
# Pure, and too easily got wrong to be written twice: the rest of the project may use them as well.
ONE_FOR_ALL = ("notifications.handshake.addresses",)
ALSO_PURE = {
    "notifications.broker.canary",
    "notifications.broker.parts",
    "notifications.broker.session_states",
    "notifications.changes.recent",
    "notifications.client.conversation",
    "notifications.client.told",
    "notifications.handshake.addresses",
    "notifications.handshake.origins",
    "notifications.server.close_frames",
    "lessy.ground.state_machine",
    "lessy.ground.numbers",
}


def modules():
    for folder in ("lessy", "projects", "tasks", "notifications"):
        for path in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                yield name, path


def imports_of(path, package=""):
    """Whole dotted names. package: where the file stands, for its relative imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, package)
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def absolute(node, package):
    if not node.level:
        return node.module
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def package_of(name, path):
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def belongs(name, prefix):
    return name == prefix or name.startswith(f"{prefix}.")


def floor_of(name, floors):
    """The longest prefix decides: lessy.api is no part of lessy."""
    found = [
        (len(prefix), floor)
        for floor, prefixes in enumerate(floors)
        for prefix in prefixes
        if belongs(name, prefix)
    ]
    return max(found)[1] if found else None


CABLE_FLOORS = [tuple(f"notifications.{room}".rstrip(".") for room in rooms) for rooms in CABLE]


def is_wrong(name, imported):
    if belongs(name, "notifications"):
        if belongs(imported, "notifications"):
            above = floor_of(imported, CABLE_FLOORS) > floor_of(name, CABLE_FLOORS)
            return above and imported != "notifications"
        return floor_of(imported, PROJECT) is not None
    if belongs(imported, "notifications"):
        return not (is_composition(name) or any(belongs(imported, each) for each in ONE_FOR_ALL))
    above = floor_of(imported, PROJECT)
    return above is not None and above > floor_of(name, PROJECT)


def is_composition(name):
    return floor_of(name, PROJECT) == len(PROJECT) - 1


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_is_below_it(name):
    path = MODULES[name]
    wrong = [found for found in imports_of(path, package_of(name, path)) if is_wrong(name, found)]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in MODULES if belongs(name, "notifications")])
def test_the_cable_imports_itself_relatively(name):
    """It is notifications here and sync_cable where it is installed."""
    assert [found for found in imports_of(MODULES[name]) if found and belongs(found, "notifications")] == []


PURE = sorted({*ALSO_PURE, *(name for name in MODULES if belongs(name, PURE_ROOM))})


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_cannot_do_io(name):
    path = MODULES[name]
    found = [each for each in imports_of(path, package_of(name, path)) if each]
    assert [each for each in found if any(belongs(each, world) for world in WORLD)] == []


def test_the_check_sees_a_wrong_import(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def late():\n    from ..hub import hub\n    from tasks.models import Task\n")
    found = list(imports_of(path, "notifications.broker"))
    assert [each for each in found if is_wrong("notifications.broker.wrong", each)] == [
        "notifications.hub",
        "notifications.hub.hub",
        "tasks.models",
        "tasks.models.Task",
    ]
