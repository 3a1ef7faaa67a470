import re
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer


class CamelCaseRenderer(JSONRenderer):
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return bytes(super().render(_camel(data), *args, **kwargs))


class AlwaysJson(BaseContentNegotiation):
    """Ignores the client's Accept and Content-Type."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel_case(key): _camel(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_camel(inner) for inner in value]
    return value


def _camel_case(key: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), key)
