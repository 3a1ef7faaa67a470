"""Imports go one way: bottom layers first, and the cable knows nothing of the project around it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("projects", "tasks", "notifications")
COMPOSING = (
    "settings",
    "urls",
    "asgi",
    "server",
    "websocket",
    "http",
    "health",
    "admin",
    "apps",
    "management",
    "client",
    "openapi",
    "probe",
)
COMPOSITION = {f"lessy.{name}" for name in COMPOSING}
PURE = {
    f"notifications.{name}"
    for name in (
        "protocol",
        "subscriptions",
        "payloads",
        "heartbeat",
        "outbox",
        "recent",
        "framing",
        "canary",
    )
}
ALSO_PURE = {"notifications.addresses", "notifications.origins", "lessy.state_machine", "lessy.numbers"}
WORLD = ("django", "channels", "asyncio", "rest_framework", "twisted", "daphne")

# In order: each may import those before it.
LAYERS = [
    ("lessy.numbers", "lessy.state_machine", "lessy.locks", "lessy.environment", "lessy.logs"),
    ("lessy.clock",),
    ("lessy.api",),
    ("lessy.accounts",),
    ("projects",),
    ("tasks",),
    ("lessy.web",),
]


def modules():
    for folder in ("lessy", *APPS):
        for path in (ROOT / folder).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, path


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def belongs(name, prefixes):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def forbidden(name):
    """What a module of ours may not import."""
    if belongs(name, COMPOSITION):
        return ()
    if belongs(name, ["notifications"]):
        return ("lessy", "projects", "tasks")
    for index, layer in enumerate(LAYERS):
        if belongs(name, layer):
            above = [prefix for later in LAYERS[index + 1 :] for prefix in later]
            return (*above, "notifications", *COMPOSITION)
    return ("tasks", "projects", "notifications")


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_is_below_it(name):
    wrong = [found for found in imports_of(MODULES[name]) if belongs(found, forbidden(name))]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(PURE | ALSO_PURE))
def test_a_pure_module_cannot_do_io(name):
    path = ROOT / f"{name.replace('.', '/')}.py"
    assert [found for found in imports_of(path) if belongs(found, WORLD)] == []


@pytest.mark.parametrize("name", sorted(PURE))
def test_a_pure_module_of_the_cable_imports_pure_ones_only(name):
    path = ROOT / f"{name.replace('.', '/')}.py"
    ours = [
        found for found in imports_of(path) if belongs(found, ["notifications"]) and found != "notifications"
    ]
    assert [found for found in ours if not belongs(found, PURE)] == []


def test_the_check_sees_a_wrong_import(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def late():\n    from tasks.models import Task\n")
    assert [found for found in imports_of(path) if belongs(found, forbidden("notifications.hub"))]
