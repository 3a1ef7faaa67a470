"""The description of the whole API, from what each app says of itself."""

from typing import Any

import lessy.accounts.openapi
import lessy.api.openapi
import projects.openapi
import tasks.openapi

PARTS = (lessy.api.openapi, lessy.accounts.openapi, projects.openapi, tasks.openapi)


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    schemas = result["components"].setdefault("schemas", {})
    for part in PARTS:
        schemas.update(part.COMPONENTS)
    return result


def without_slash(endpoints: list[tuple[Any, ...]], **_: Any) -> list[tuple[Any, ...]]:
    """A preprocessing hook: the slash at the end is optional, and nicer left out."""
    return [(path.rstrip("/"), *others) for path, *others in endpoints]
