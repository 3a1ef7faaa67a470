"""The page Cable on an AdminSite of the project's own, which may be the only one."""

from types import SimpleNamespace

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.urls import path

from notifications import admin as module
from notifications.admin import CableAdmin
from notifications.models import Cable

pytestmark = pytest.mark.django_db(transaction=True)

backoffice = AdminSite(name="backoffice")
backoffice.register(Cable, CableAdmin)
backoffice.register(get_user_model())

urlpatterns = [path("office/", backoffice.urls)]

PAGE = "/office/sync_cable/cable/"


@pytest.fixture
def operator(client, settings):
    settings.ROOT_URLCONF = __name__
    user = get_user_model().objects.create_superuser("diane", "diane@example.com", "secret")
    client.force_login(user)
    return client


@pytest.fixture
def connected(monkeypatch, alice):
    """As if Alice had a socket."""

    def found(page_of):
        page = page_of(alice.pk)
        return {"connections": [{"name": "host:1/2", "who": "alice", "page": page}]}

    monkeypatch.setattr(module, "_found", found)


def test_it_is_shown_where_it_is_registered(operator):
    page = operator.get(PAGE)
    assert page.status_code == 200
    assert 'href="/office/"' in page.text


def test_its_links_lead_to_this_site(operator, connected, alice):
    page = operator.get(PAGE).text
    assert f'href="/office/accounts/user/{alice.pk}/change/"' in page
    assert 'action="/office/sync_cable/cable/disconnect/"' in page
    assert '"/admin/' not in page


def test_a_disconnect_comes_back_to_this_site(operator, monkeypatch):
    async def disconnect(name):
        return SimpleNamespace(sockets=1)

    monkeypatch.setattr(module, "disconnect_socket", disconnect)
    answer = operator.post(f"{PAGE}disconnect/", {"socket": "host:1/2"})
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
