"""A client of the admin site: it reads pages and submits their forms."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.site import Server, Site


class Admin:
    def __init__(self, browser: httpx.Client) -> None:
        self._browser = browser

    def read(self, path: str) -> str:
        answer = self._browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def submit(self, path: str, **changes: Any) -> str:
        """
        Submits the form of a page with these changes; None removes a field. Returns the page that follows.
        Raises AssertionError if the form is shown again with errors.
        """
        fields: dict[str, Any] = {**_fields(self._browser.get(path).text), **changes}
        sent = {name: value for name, value in fields.items() if value is not None}
        answer = self._browser.post(path, data=sent, headers={"Referer": str(self._browser.base_url)})
        assert answer.status_code == 200, answer.text
        assert "errornote" not in answer.text, answer.text
        return answer.text


def _fields(page: str) -> dict[str, str]:
    """The fields that a browser would send: checkboxes only if checked, and no buttons."""
    inputs = [_attributes(tag) for tag in re.findall(r"<input ([^>]*)>", page)]
    found = {
        each["name"]: each.get("value", "on" if "checked" in each else "")
        for each in inputs
        if "name" in each
        and (each.get("type") not in ("checkbox", "radio") or "checked" in each)
        and each.get("type") not in ("submit", "button")
    }
    return found | dict(_selected(page))


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)(?:="([^"]*)")?', tag)}


def _selected(page: str) -> Iterator[tuple[str, str]]:
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        if found := re.search(r'value="([^"]*)" selected', options):
            yield name, html.unescape(found[1])


@contextmanager
def admin_of(site: Site, server: Server) -> Iterator[Admin]:
    """Logged in on this server as a new superuser."""
    person = site.new_person(password="secret", is_staff=True, is_superuser=True)
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as browser:
        admin = Admin(browser)
        admin.submit("/admin/login/", username=person.username, password="secret")
        yield admin
