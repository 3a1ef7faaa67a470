"""manage.py cable_types: the actions, ids and fields of what is announced, checked by TypeScript."""

import io
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import models

from notifications.contract.announced import EITHER, id_schema
from tests.support.required import missing
from tests.support.site import ROOT

TIMES = {"owner": "reader", "created_at": "", "updated_at": "changed_at"}


def card_keys(title):
    return {"title": title}


class Hashed(models.BigAutoField):
    """Its Python values may be of any kind."""

    def from_db_value(self, value, expression, connection):
        return f"x{value}"


RESOURCES = {
    "cards": {"model": "teams.Card", "audience": "watchers"},
    "told": {"model": "teams.Card", "audience": "watchers", "payload": f"{__name__}.card_keys"},
    "cars": {"model": "strangers.Car", **TIMES},
    "profiles": {"model": "strangers.Profile", "created_at": "", "updated_at": "changed_at"},
    'odd"name': {"model": "strangers.Seat", **TIMES},
}
COMPILER = ROOT / "tests/clients/node_modules/typescript/lib/tsc.js"
# Each line that is marked is an error, and no other one.
USE = """
import type { CableAction, CableChange, CableChannel, CableIds, CableResource } from "./cable"

export function told(change: CableChange): number {
  if (change.action === "update#cards") return change.updatedAt + change.id
  if (change.action === "destroy#cards") return change.id
  if (change.action === "create#told") return String(change.title).length
  if (change.action === 'update#odd"name') return change.id[0] + change.id[1].length
  if (change.action === "destroy#cars") return 0 // error
  if (change.action === "create#cards") return change.updatedAt // error
  return 0
}
export const action: CableAction = "create#profiles"
export const wrong: CableAction = "create#nothing" // error
export const resource: CableResource = "cars"
export const id: CableIds["cars"] = "23" // error
export const channels: CableChannel[] = ["NotificationsChannel", "CardsChannel"]
export const channel: CableChannel = "Nope" // error
"""


def types(**options):
    out = io.StringIO()
    call_command("cable_types", typescript=True, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def resources(settings):
    settings.CABLE = settings.CABLE | {"RESOURCES": RESOURCES, "CHANNELS": {"CardsChannel": ["cards"]}}


def test_each_action_has_its_fields(resources):
    lines = [line.strip(" |") for line in types().splitlines()]
    assert '{ action: "create#cards"; id: number }' in lines
    assert '{ action: "update#cards"; id: number; updatedAt: number }' in lines
    assert '{ action: "destroy#cards"; id: number }' in lines
    assert '{ action: "create#odd\\"name"; id: [number, string] }' in lines
    assert not any("destroy#cars" in line for line in lines)


def test_the_further_keys_of_a_resource_are_of_any_kind(resources):
    lines = [line.strip(" |") for line in types().splitlines()]
    assert '{ action: "update#told"; id: number; updatedAt: number; [further: string]: unknown }' in lines
    assert '{ action: "destroy#told"; id: number }' in lines


def test_an_id_that_makes_values_of_its_own_may_be_either():
    assert id_schema(SimpleNamespace(pk=Hashed(primary_key=True))) == EITHER


def test_the_unit_of_times_is_said(settings):
    assert "whole seconds" in types()
    settings.CABLE = settings.CABLE | {"UPDATED_AT_UNIT": "ms"}
    assert "in milliseconds since" in types()


def test_the_compiler_accepts_what_the_server_says_and_nothing_else(resources, tmp_path):
    node = shutil.which("node")
    if node is None or not COMPILER.exists():
        missing("typescript (with make setup)")
    (tmp_path / "use.ts").write_text(USE)
    types(output=tmp_path / "cable.ts")
    found = subprocess.run(
        [node, COMPILER, "--noEmit", "--strict", "--skipLibCheck", "use.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    errors = [line for line in found.stdout.splitlines() if line]
    marked = [number for number, line in enumerate(USE.splitlines(), 1) if "// error" in line]
    assert [int(line.partition("(")[2].partition(",")[0]) for line in errors] == marked, errors


def test_a_project_that_announces_nothing_has_types_as_well(settings):
    settings.CABLE = settings.CABLE | {"RESOURCES": {}}
    assert "export type CableChange =\n  never\n" in types()


def test_check_compares_and_writes_nothing(settings, tmp_path):
    file = tmp_path / "cable.ts"
    types(output=file)
    assert types(check=file) == ""
    written = file.read_bytes()
    for other in (written + b"\n", written[:-1], b"", b"\xff\xfe"):
        file.write_bytes(other)
        with pytest.raises(CommandError, match=f"{file} is not what settings.CABLE says"):
            types(check=file)
        assert file.read_bytes() == other


def test_a_file_that_cannot_be_is_named(tmp_path):
    for option in ("output", "check"):
        with pytest.raises(CommandError, match=r"missing/cable\.ts: No such file"):
            types(**{option: tmp_path / "missing/cable.ts"})
    with pytest.raises(CommandError, match="Is a directory"):
        types(output=tmp_path)


def test_wrong_settings_are_one_sentence(settings):
    settings.CABLE = settings.CABLE | {"RESOURCES": {"cards": {"model": "teams.Nothing"}}}
    with pytest.raises(CommandError, match="'model' must name an installed model"):
        types()


def test_a_language_has_to_be_named():
    with pytest.raises(CommandError, match="--typescript is required"):
        call_command("cable_types")
