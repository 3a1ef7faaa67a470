import re
from collections.abc import Callable, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from lessy.ground.numbers import LARGEST, LONGEST, whole_number

Shapes = Callable[[Sequence[Any]], list[dict[str, Any]]]


def paginated(request: Request, rows: QuerySet[Any], size: int, shapes: Shapes) -> Response:
    """The last page of an empty list is 0. A page beyond the last one is empty, without prev and next."""
    pages = Paginator(rows, size)
    last = pages.num_pages if pages.count else 0
    number = _page(request.query_params.get("page", ""))
    found = list(pages.page(number).object_list) if number <= last else []
    return Response({"data": shapes(found), "links": _links(request.path.rstrip("/"), number, last)})


def _page(text: str) -> int:
    """1 if the text is not a positive number. A number too long to parse becomes LARGEST: an empty page."""
    if len(text) > LONGEST:
        return LARGEST if text[:LONGEST].isdecimal() else 1
    if re.fullmatch(r"\s*\+?\d{17,}\s*", text, re.ASCII):
        return LARGEST
    return max(1, whole_number(text) or 1)


def _links(path: str, number: int, last: int) -> dict[str, str]:
    links = {"first": 1, "last": last}
    if 1 < number <= last:
        links["prev"] = number - 1
    if number < last:
        links["next"] = number + 1
    return {name: f"{path}?page={page}" for name, page in links.items()}
