"""
Further keys of a notification: CABLE["RESOURCES"][…]["payload"] names a function of a row's columns.

    def book_keys(title, shelf_id):
        return {"title": title, "shelf": shelf_id}

Its parameters are columns, so that nothing else is read. It is called wherever a row is read, from a saved
instance or from the tables, so that both give the same keys. If it fails, the notification lacks these keys;
the save and the change itself are not affected.
"""

import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Model
from django.db.models.fields.files import FieldFile
from django.utils.module_loading import import_string

from ..ground.limits import seldom
from ..ground.metrics import metrics
from ..wire.payloads import members

logger = logging.getLogger(__name__)

# Of the JSON text of the keys. A notification says that a row changed: a client that needs the whole row
# reads it.
MAX_BYTES = 2_048

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Further:
    """columns: attribute names, in any order, which members() needs."""

    def __init__(self, resource: str, call: Callable[..., Any], columns: Collection[str]) -> None:
        self.columns = tuple(columns)
        self._resource = resource
        self._call = call

    def members(self, values: Mapping[str, Any]) -> str:
        """
        As JSON text without braces; "" if there are none. values: of the columns, and others. Never raises: a
        failure is counted, and logged at most once a second.
        """
        try:
            return self._checked(self._call(**{name: _as_read(values[name]) for name in self.columns}))
        except Exception as exc:
            metrics.count("payload_failures")
            if (also := seldom.left_out(f"payload:{self._resource}")) is not None:
                logger.error(
                    "the further keys of a change of %s are left out: %s: %s%s",
                    *(self._resource, type(exc).__name__, exc, also),
                    exc_info=exc,
                )
            return ""

    @staticmethod
    def _checked(keys: Any) -> str:
        if not isinstance(keys, dict):
            raise TypeError(f"'payload' returned a {type(keys).__name__}: expected a dict")
        text = members(keys)
        if (size := len(text.encode())) > MAX_BYTES:
            raise ValueError(f"'payload' returned {size} bytes of JSON: expected at most {MAX_BYTES}")
        return text


def _as_read(value: Any) -> Any:
    """The file's name, instead of an instance's FieldFile."""
    return str(value) if isinstance(value, FieldFile) else value


def further_of(name: str, model: type[Model], path: Any, setting: str) -> Further | None:
    """path: from the settings; None if not set. Raises ImproperlyConfigured if it cannot be called."""
    if path is None:
        return None
    setting = f"{setting}['payload']"
    if not isinstance(path, str):
        raise ImproperlyConfigured(f"{setting} is {path!r}: expected the dotted path of a function")
    try:
        call = import_string(path)
    except ImportError as exc:
        raise ImproperlyConfigured(f"{setting}: {exc}") from exc
    if not callable(call) or inspect.isclass(call) or inspect.iscoroutinefunction(call):
        raise ImproperlyConfigured(f"{setting}: {path} is not a function that can be called without awaiting")
    return Further(name, call, [_column(model, each, setting) for each in _parameters(call, path, setting)])


def _parameters(call: Any, path: str, setting: str) -> list[str]:
    found = inspect.signature(call).parameters.values()
    wrong = [str(each) for each in found if each.kind not in _NAMED]
    if wrong or not found:
        raise ImproperlyConfigured(
            f"{setting}: {path} takes {', '.join(wrong) or 'nothing'}: expected columns by their names"
        )
    return [each.name for each in found]


def _column(model: type[Model], name: str, setting: str) -> str:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        field = None
    if getattr(field, "attname", None) != name or getattr(field, "column", None) is None:
        raise ImproperlyConfigured(
            f"{setting} takes {name!r}, which is not a column of {model._meta.label} (foreign keys: name_id)"
        )
    return name
