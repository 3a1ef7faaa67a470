import json
import re
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from lessy.api.errors import ApiError

LARGEST = 64 * 1024  # bytes of a body: the longest text in escapes (10,000 characters, 6 bytes each) fits
DEEPEST = 50  # nested objects and lists


class SnakeCaseParser(BaseParser):
    """Parses a JSON object, whatever the Content-Type, and converts its keys at every depth to snake_case."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], media_type: Any = None, parser_context: Any = None) -> dict[str, Any]:
        raw = stream.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise ApiError("content_too_large")
        try:
            data = _snake(json.loads(raw, parse_constant=_refuse)) if raw.strip() else {}
        except (ValueError, RecursionError):
            raise ApiError("bad_request") from None
        if not isinstance(data, dict):
            raise ApiError("bad_request")
        return data


def snake_case(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).replace("-", "_").lower()


def _snake(value: Any, depth: int = 0) -> Any:
    """Raises: ValueError for nesting too deep, and for text that databases refuse (NUL, lone surrogates)."""
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        return {snake_case(key): _snake(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_snake(inner, depth + 1) for inner in value]
    if isinstance(value, str) and "\0" in value.encode().decode():
        raise ValueError("NUL character")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
