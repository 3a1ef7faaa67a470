"""The pages that are the server's own have a policy, under which a browser shows them without an error."""

import pytest


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/none", "/docs", "/docs?script", "/api", "/api/schema", "/health/live"]
)
def test_c8_what_is_the_servers_own_has_a_policy(server, path):
    policy = server.request("GET", path).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'unsafe" not in policy


@pytest.mark.parametrize("path", ["/static/admin/css/base.css", "/administration", "/docsy"])
def test_what_is_not_has_none(server, path):
    assert "Content-Security-Policy" not in server.request("GET", path).headers


def test_c8_the_documentation_of_the_api_works_under_it(server, browser):
    page = browser.new_page()
    page.goto(f"{server.url}/docs")
    page.wait_for_selector(".opblock-summary")
    assert browser.errors == []


def test_c8_the_admin_works_under_it(site, server, browser):
    person = site.new_person(password="secret", is_staff=True, is_superuser=True)
    page = browser.new_page()
    page.goto(f"{server.url}/admin/")
    page.fill("#id_username", person.username)
    page.fill("#id_password", "secret")
    page.click("[type=submit]")
    page.wait_for_selector("#user-tools")
    for path in ("accounts/user/", f"accounts/user/{person.pk}/change/", "tasks/task/add/", "sync_cable/"):
        page.goto(f"{server.url}/admin/{path}")
        page.wait_for_selector("#content")
    assert browser.errors == []
