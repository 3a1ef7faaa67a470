"""The types of the notifications, for clients that are written in TypeScript."""

import json
from collections.abc import Iterable, Iterator

from ..conf import cable_settings
from ..wire.protocol import CHANNEL
from .announced import Announced, Schema, announced

_HEAD = """\
// Written by `manage.py cable_types --typescript` from settings.CABLE. Do not edit it: run the command again.
"""
_UNITS = {"s": "whole seconds", "ms": "milliseconds"}


def typescript() -> str:
    """The text of a module. Raises ImproperlyConfigured."""
    return "\n".join(_lines(list(announced())))


def _lines(known: list[Announced]) -> Iterator[str]:
    yield _HEAD
    yield "/** The type of a row's id, by the name of its resource. */"
    yield "export interface CableIds {"
    yield from (f"  {name}: {type_}" for name, type_ in _ids(known).items())
    yield "}\n"
    unit = _UNITS[cable_settings().updated_at_unit]
    yield f"/** What the cable announces. `updatedAt` is in {unit} since the epoch. */"
    yield from _union("CableChange", map(_change, known))
    yield 'export type CableAction = CableChange["action"]'
    yield "export type CableResource = keyof CableIds\n"
    yield "/** The names that a client may subscribe to. */"
    yield from _union("CableChannel", map(json.dumps, [CHANNEL, *cable_settings().channels]))


def _ids(known: Iterable[Announced]) -> dict[str, str]:
    return {json.dumps(each.resource): _type_of(each.id) for each in known}


def _union(name: str, members: Iterable[str]) -> Iterator[str]:
    """`never` is the union of nothing."""
    yield f"export type {name} ="
    yield "\n".join(f"  | {member}" for member in members) or "  never"
    yield ""


def _change(each: Announced) -> str:
    time = "; updatedAt: number" if each.has_time else ""
    further = "; [further: string]: unknown" if each.has_further else ""
    return f"{{ action: {json.dumps(each.action)}; id: {_type_of(each.id)}{time}{further} }}"


def _type_of(schema: Schema) -> str:
    if schema["type"] == "array":
        return f"[{', '.join(map(_type_of, schema['prefixItems']))}]"
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " | ".join("number" if name == "integer" else name for name in names)
