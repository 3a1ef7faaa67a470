"""What Django itself refuses: in the error format below /api, a page elsewhere."""

import pytest

from tests.api import Api


@pytest.mark.parametrize("path", ["/api", "/api/users/me", "/api/none"])
def test_a_host_that_is_not_ours_is_a_bad_request(client, db, path):
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "bad_request"


def test_elsewhere_it_is_a_page(client, db):
    assert b"<h1>" in client.get("/nowhere/", headers={"Host": "evil.example"}).content


@pytest.mark.parametrize("path", ["/nowhere", "/apiary", "/health/nowhere", "/admin/nowhere/"])
def test_what_there_is_not_is_a_page_elsewhere(client, db, path):
    answer = client.get(path)
    assert answer.status_code in (302, 404)
    assert b'"errors"' not in answer.content


def test_an_error_of_ours_is_told_in_the_error_format_and_logged(alice, monkeypatch, caplog):
    monkeypatch.setattr("tasks.views.task_create", lambda **_: 1 / 0)
    answer = Api(alice).post("users/me/tasks", {"label": "x"})
    assert answer.refused == (500, [("server_error", None)])
    assert "division by zero" in caplog.text
    assert "division" not in str(answer.body)


def test_elsewhere_an_error_of_ours_is_a_page(client, db, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.each_context", lambda *_, **__: 1 / 0)
    answer = client.get("/admin/login/")
    assert answer.status_code == 500
    assert b"<h1>" in answer.content
