"""What an installation announces: each notification, with the JSON schema of its fields."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import models

from ..changes.resources import Resource, resources
from ..wire.payloads import CREATE, DESTROY, UPDATE

Schema = dict[str, Any]

INTEGER: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
UUID: Schema = {"type": "string", "format": "uuid"}
# For a field whose Python values we do not know: payloads.id_of sends an int as a number, else text.
EITHER: Schema = {"type": ["integer", "string"]}

# The fields whose values are texts, or are sent as text.
_TEXTS = (
    models.CharField,
    models.TextField,
    models.DateField,
    models.TimeField,
    models.DecimalField,
    models.FloatField,
    models.GenericIPAddressField,
)


class Announced(NamedTuple):
    """
    action: as on the wire, "update#tasks". has_time: whether it has `updatedAt`. has_further: whether it may
    have keys that the project's own function makes.
    """

    action: str
    resource: str
    id: Schema
    has_time: bool
    has_further: bool


def announced() -> Iterator[Announced]:
    """Resource by resource, as settings list them. Raises ImproperlyConfigured."""
    for resource in resources().values():
        for word in (CREATE, UPDATE, *([DESTROY] if resource.deletions else [])):
            further = resource.further is not None and word != DESTROY
            has_time = word == UPDATE
            yield Announced(f"{word}#{resource.name}", resource.name, id_schema(resource), has_time, further)


def id_schema(resource: Resource) -> Schema:
    """A composite primary key is an array."""
    parts = getattr(resource.pk, "fields", None)
    if parts is None:
        return _schema_of(resource.pk)
    items = [_schema_of(part) for part in parts]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _schema_of(field: Any) -> Schema:
    while field.remote_field:  # the key of another row
        field = field.target_field
    if hasattr(field, "from_db_value"):  # it makes values of its own
        return EITHER
    if isinstance(field, models.IntegerField):
        return INTEGER
    if isinstance(field, models.UUIDField):
        return UUID
    return TEXT if isinstance(field, _TEXTS) else EITHER
