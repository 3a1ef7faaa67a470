"""The API as a client sees it: one user's token, JSON in, status and JSON out."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client

from lessy.accounts import tokens
from lessy.accounts.models import User

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    retry_after: str | None = None

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def refused(self) -> tuple[int, list[tuple[str, str | None]]]:
        """(422, [("blank", "/task/label"), ...])"""
        return self.status, [
            (error["code"], error.get("source", {}).get("pointer")) for error in self.body["errors"]
        ]


class Api:
    """Without a user it is anonymous."""

    def __init__(self, user: User | None = None, *, sudo: bool = False) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": tokens.issue(user, sudo=sudo, lifetime=HOUR)} if user else {}

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: Any) -> Answer:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.call("PATCH", path, body)

    def put(self, path: str, body: Any) -> Answer:
        return self.call("PUT", path, body)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def call(self, verb: str, path: str, body: Any = None) -> Answer:
        """A body of bytes is sent as it is, None as no body at all, anything else as JSON."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self.client.generic(
            verb, f"/api/{path}", raw, content_type="application/json", headers=self.headers
        )
        found = json.loads(answer.content) if answer.content else None
        return Answer(answer.status_code, found, answer.get("Retry-After"))
