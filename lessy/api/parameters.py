from collections.abc import Iterable
from typing import Any

from lessy.api.errors import parameter_missing


def wrapped(data: Any, resource: str, columns: Iterable[str]) -> dict[str, Any]:
    """
    The object under the resource's name or, if that key is absent, an object of the top-level columns.

    Raises: parameter_missing if it is empty or not an object.
    """
    flat = {name: data[name] for name in columns if name in data}
    found = data.get(resource) if resource in data else flat
    if not isinstance(found, dict) or not found:
        raise parameter_missing(f"/{resource}")
    return found


def require(params: dict[str, Any], resource: str, *names: str) -> None:
    """Raises: parameter_missing for the first of the names that is missing."""
    for name in names:
        if is_missing(params.get(name)):
            raise parameter_missing(f"/{resource}/{name}")


def is_missing(value: object) -> bool:
    """0 and False are present. A list or an object counts as missing, because a scalar is expected."""
    return value is None or isinstance(value, dict | list) or (isinstance(value, str) and not value.strip())


def scalars(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if not isinstance(value, dict | list)}


def text(value: object) -> str:
    """None becomes "", True "true", 5 "5"."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
