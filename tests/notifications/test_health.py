"""The health checks where no hub is: a process of WSGI."""

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from notifications.hub import current
from notifications.hub import health as hub_health
from notifications.operations.health import live, ready

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def test_17_a_process_without_sockets_asks_its_database_and_begins_no_hub():
    before = dict(current._hubs)
    answer = await ready(RequestFactory().get("/health/ready"))
    assert (answer.status_code, answer.content) == (200, b'{"status": "ok", "database": true}')
    assert dict(current._hubs) == before


async def test_17_a_process_without_sockets_is_not_ready_without_a_database(monkeypatch):
    def refuse():
        raise OperationalError("as a database that is read-only")

    monkeypatch.setattr(hub_health, "require_databases", refuse)
    answer = await ready(RequestFactory().get("/health/ready"))
    assert (answer.status_code, answer.content) == (503, b'{"status": "unavailable", "database": false}')
    assert (await live(RequestFactory().get("/health/live"))).status_code == 200
