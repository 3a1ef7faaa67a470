"""
System checks of the models in settings.CABLE["RESOURCES"], before the first save.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.db.models import DateTimeField, Field, ForeignKey, Model
from django.utils.module_loading import import_string

from .changes.resources import Resource, resources
from .conf import cable_settings
from .handshake.authentication import OfUsers


def check_resources() -> list[CheckMessage]:
    if not resources():
        text = "settings.CABLE['RESOURCES'] is empty: nothing will be announced"
        return [Caution(text, id="sync_cable.W001")]
    return [message for resource in resources().values() for message in _check(resource)]


def check_channels() -> list[CheckMessage]:
    channels: Any = cable_settings().channels
    if not isinstance(channels, dict):
        return [_wrong_channels(f"settings.CABLE['CHANNELS'] is {channels!r}")]
    return [
        _wrong_channels(f"settings.CABLE['CHANNELS'][{name!r}] is {names!r}")
        for name, names in channels.items()
        if not isinstance(names, list | tuple) or not set(names) <= set(resources())
    ]


def _wrong_channels(problem: str) -> CheckMessage:
    return Error(
        f"{problem}: expected lists of names of RESOURCES",
        hint='Such as {"TasksChannel": ["tasks"]}.',
        id="sync_cable.E018",
    )


def _check(resource: Resource) -> Iterable[CheckMessage]:
    if not resource.audience:
        yield from _check_owner(resource)
    if resource.deleted_at:
        yield from _check_deleted_at(resource, resource.field(resource.deleted_at))
    for setting in ("created_at", "updated_at"):
        if column := getattr(resource, setting):
            yield from _check_time(resource, setting, resource.field(column))
    if not resource.updated_at:
        yield _told_live_only(resource, "has no 'updated_at': its rows are")
    elif resource.field(resource.updated_at).null:
        yield _told_live_only(resource, f"has an {resource.updated_at} that may be NULL: such rows are")


def _setting(resource: Resource) -> str:
    return f"settings.CABLE['RESOURCES'][{resource.name!r}]"


def _told_live_only(resource: Resource, problem: str) -> CheckMessage:
    return Caution(
        f"{_setting(resource)}: {resource.model._meta.label} {problem} announced to connected"
        " clients, and never replayed to clients that were offline",
        hint="Give the model a DateTimeField(auto_now=True); or silence this check.",
        id="sync_cable.W005",
    )


def _check_time(resource: Resource, setting: str, field: "Field[Any, Any]") -> Iterable[CheckMessage]:
    if not isinstance(field, DateTimeField):
        yield Error(
            f"{_setting(resource)}: {setting!r} is a {type(field).__name__}: expected a DateTimeField",
            hint=f"Without such a column, say {setting!r}: ''; docs/plugging-in.md says what that costs.",
            id="sync_cable.E015",
        )


def _check_deleted_at(resource: Resource, field: "Field[Any, Any]") -> Iterable[CheckMessage]:
    if not field.null:
        yield Error(
            f"{_setting(resource)}: 'deleted_at' is a column that is never NULL: every row would be gone",
            hint="Name a DateTimeField(null=True): a row is gone once it has a value.",
            id="sync_cable.E016",
        )


def _check_owner(resource: Resource) -> Iterable[CheckMessage]:
    """An authenticator of the project's own may use any value as user_id: then it is a warning."""
    if problem := _owner_problem(resource.model, resource.field(resource.owner)):
        kind, number = (Error, "E014") if _names_users() else (Caution, "W006")
        yield kind(
            f"{_setting(resource)}: 'owner' is {problem}, and not the primary key of a user",
            hint=_owner_hint(resource.field(resource.owner)),
            id=f"sync_cable.{number}",
        )


def _owner_hint(field: "Field[Any, Any]") -> str:
    if isinstance(field, ForeignKey) and _same_rows(field.related_model, get_user_model()):
        return (
            f"Say 'audience': {field.name!r} in place of 'owner': it follows a key with to_field to the "
            "user, by one query for each transaction, and tells of deletions."
        )
    return "Name a foreign key to settings.AUTH_USER_MODEL: the user to notify is found by its value."


def _names_users() -> bool:
    """Whether the user_id of admissions is certain to be the primary key of a user."""
    try:
        return issubclass(import_string(cable_settings().authenticator), OfUsers)
    except (ImportError, TypeError):
        return False


def _owner_problem(model: type[Model], field: "Field[Any, Any]") -> str:
    user = get_user_model()
    if not isinstance(field, ForeignKey):
        is_key = field.primary_key and _same_rows(model, user)
        return "" if is_key else f"a {type(field).__name__}"
    related: type[Model] = field.related_model
    if not _same_rows(related, user):
        return f"a foreign key to {related._meta.label}"
    if not field.target_field.primary_key:
        return f"a foreign key to {related._meta.label}.{field.target_field.name}"
    return ""


def _same_rows(one: type[Model], other: type[Model]) -> bool:
    """Whether equal primary keys mean the same row: one may be a proxy of the other, or its parent."""
    one, other = _concrete(one), _concrete(other)
    return one in _lines(other) or other in _lines(one)


def _lines(model: type[Model]) -> set[type[Model]]:
    """The model, and those of its ancestors whose primary key it shares."""
    found = {model}
    while isinstance(pk := model._meta.pk, ForeignKey) and pk.remote_field.parent_link:
        model = pk.related_model
        found.add(model)
    return found


def _concrete(model: type[Model]) -> type[Model]:
    return model._meta.concrete_model or model
