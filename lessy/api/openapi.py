"""
Helpers with which each app's openapi.py describes its endpoints: OpenAPI 3.1 as plain dicts, with the keys in
the camelCase of the wire. The views only refer to the operation; nothing here changes their responses.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from lessy.api.errors import ERRORS

Schema = dict[str, Any]
Operation = Callable[[Any], Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
DATE: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601 with three decimals, in the user's time zone.",
    "examples": ["2017-01-20T00:00:00.000Z"],
}
DATE_OR_NULL: Schema = DATE | {"type": ["string", "null"]}
GIVEN_DATE: Schema = TEXT_OR_NULL | {
    "description": "ISO 8601. Without an offset, in the user's time zone; a bare date is its midnight.",
    "examples": ["2031-05-06", "2031-05-06T10:00:00+02:00"],
}

TOKEN = ("unauthorized",)
TERMS = (*TOKEN, "tos_not_accepted")
PAGE = OpenApiParameter("page", int, description="Anything but a positive number counts as 1.")


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def record(optional: Iterable[str] = (), **properties: Schema) -> Schema:
    """An object in a response: exactly these keys."""
    return given(*(name for name in properties if name not in optional), **properties) | {
        "additionalProperties": False
    }


def given(*required: str, **properties: Schema) -> Schema:
    """An object in a request: further keys are ignored."""
    found: Schema = {"type": "object", "properties": properties}
    return found | ({"required": list(required)} if required else {})


def resource(kind: str, attributes: Schema, key: Schema = NUMBER, **more: Schema) -> Schema:
    return record(id=key, type={"const": kind}, attributes=attributes, **more)


def pointer_to(kind: str) -> Schema:
    return record(type={"const": kind}, id=NUMBER)


def one(name: str) -> Schema:
    return record(data=ref(name))


def many(name: str, **more: Schema) -> Schema:
    return record(data={"type": "array", "items": ref(name)}, **more)


def wrapped(name: str, inner: Schema) -> Schema:
    """{"task": {...}}, or the same keys without the wrapper."""
    return {"anyOf": [given(name, **{name: inner}), inner]}


def operation(
    summary: str,
    *,
    success: Mapping[int, Schema | None],
    errors: Iterable[str] = (),
    body: Schema | None = None,
    parameters: Iterable[OpenApiParameter] = (),
) -> Operation:
    """
    Args:
        success: schema by status; None for a response without a body.
        errors: codes; `unauthorized` among them says that the operation needs a token.
    """
    codes = [*errors, *(["bad_request", "content_too_large"] if body else [])]
    if "unauthorized" in codes and "too_many_requests" not in codes:
        codes.append("too_many_requests")  # every request with a token counts (ByUser)
    responses = {status: _success(status, schema) for status, schema in success.items()} | _refusals(codes)
    retry = OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, response=[429], description="Seconds."
    )
    return extend_schema(
        summary=summary,
        request={"application/json": body} if body else None,
        responses=responses,
        parameters=[*parameters, *([retry] if 429 in responses else [])],
        auth=[{"token": []}] if "unauthorized" in codes else [],  # type: ignore[list-item]
    )


def id_of(name: str) -> OpenApiParameter:
    return OpenApiParameter("id", int, OpenApiParameter.PATH, description=f"The id of the {name}.")


def _success(status: int, schema: Schema | None) -> OpenApiResponse:
    return OpenApiResponse(schema, description=HTTPStatus(status).phrase)


def _refusals(codes: Iterable[str]) -> dict[int, OpenApiResponse]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[ERRORS[code][0] if code in ERRORS else 422].append(code)
    return {status: _refusal(found) for status, found in sorted(by_status.items())}


def _refusal(codes: list[str]) -> OpenApiResponse:
    error = given("code", code={"enum": codes})
    schema = {"allOf": [ref("Errors"), given(errors={"type": "array", "items": error})]}
    return OpenApiResponse(schema, description=", ".join(f"`{code}`" for code in codes))


COMPONENTS: dict[str, Schema] = {
    "Errors": record(
        errors={
            "type": "array",
            "minItems": 1,
            "items": record(
                ["source"],
                status=TEXT | {"examples": ["422 Unprocessable Entity"]},
                code=TEXT | {"examples": ["blank"]},
                title=TEXT,
                detail=TEXT,
                source=record(pointer=TEXT | {"examples": ["/task/label"]}),
            ),
        }
    ),
    "Links": record(["prev", "next"], first=TEXT, last=TEXT, prev=TEXT, next=TEXT),
}
