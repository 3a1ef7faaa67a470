"""
The registry of what is announced, from settings.CABLE["RESOURCES"]: name on the wire → model and columns.

    {"tasks": {"model": "tasks.Task", "owner": "user", "created_at": "born", "updated_at": "changed"}}

owner is the foreign key to the user who hears of it (default "user"). Without a creation time
("created_at": "") every change found in the tables counts as an update.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.core.signals import setting_changed
from django.db.models import Model
from django.dispatch import receiver

from notifications.conf import cable_settings
from notifications.payloads import Change, create_change, key_of, update_change

_KEYS = {"model", "owner", "created_at", "updated_at"}


@dataclass(frozen=True, slots=True)
class Resource:
    """owner, created_at and updated_at are attribute names, which are column names for queries too."""

    name: str
    model: type[Model]
    owner: str
    created_at: str
    updated_at: str

    def created(self, row: Mapping[str, Any]) -> Change:
        """Just now, as it is."""
        return self._creation(row, row[self.updated_at])

    def was_created(self, row: Mapping[str, Any]) -> Change:
        """Whatever became of it since."""
        return self._creation(row, row[self.created_at])

    def _creation(self, row: Mapping[str, Any], at: datetime) -> Change:
        return create_change(self.name, key_of(row["pk"]), key_of(row[self.owner]), at)

    def updated(self, row: Mapping[str, Any]) -> Change:
        unit = cable_settings().updated_at_unit
        return update_change(
            self.name, key_of(row["pk"]), key_of(row[self.owner]), row[self.updated_at], unit
        )

    def columns(self) -> list[str]:
        return [name for name in ("pk", self.owner, self.created_at, self.updated_at) if name]

    def row_of(self, instance: Model) -> dict[str, Any]:
        return {name: getattr(instance, name) for name in self.columns()}


def _attname(model: type[Model], name: str, setting: str) -> str:
    try:
        return str(model._meta.get_field(name).attname)  # type: ignore[union-attr]
    except (FieldDoesNotExist, AttributeError) as exc:
        raise ImproperlyConfigured(f"{setting}: {model._meta.label} has no column {name!r}") from exc


def _read(name: str, config: Mapping[str, str]) -> Resource:
    setting = f"settings.CABLE['RESOURCES'][{name!r}]"
    if unknown := set(config) - _KEYS:
        raise ImproperlyConfigured(f"{setting} has unknown keys: {', '.join(sorted(unknown))}")
    try:
        model = apps.get_model(config["model"])
    except (KeyError, LookupError, ValueError) as exc:
        raise ImproperlyConfigured(f"{setting}: 'model' must name an installed model") from exc
    created_at = config.get("created_at", "created_at")
    return Resource(
        name=name,
        model=model,
        owner=_attname(model, config.get("owner", "user"), setting),
        created_at=_attname(model, created_at, setting) if created_at else "",
        updated_at=_attname(model, config.get("updated_at", "updated_at"), setting),
    )


@lru_cache(maxsize=1)
def resources() -> dict[type[Model], Resource]:
    """By model. Raises ImproperlyConfigured for what settings.CABLE gets wrong."""
    found = [_read(name, config) for name, config in cable_settings().resources.items()]
    return {resource.model: resource for resource in found}


def resource_of(model: type[Model]) -> Resource | None:
    """Of a model, or of the model it is a proxy of."""
    return resources().get(model._meta.concrete_model or model)


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        resources.cache_clear()
