"""The admin tells who is connected: the page Cable, and the list of users."""

import re
from contextlib import contextmanager

import httpx
import pytest

from tests.support.admin import Admin, admin_of
from tests.support.site import new_site
from tests.support.waiting import eventually

CABLE = "/admin/sync_cable/cable/"
USERS = "/admin/accounts/user/"


def table(page, name):
    """The rows of a table, each a list of words."""
    [body] = re.findall(rf'<table id="{name}">.*?</table>', page, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in rows
    ]


def column(page, name):
    head, *rows = table(page, "processes")
    return [row[head.index(name)] for row in rows]


def field(page, name):
    """What the list or the page of users says in a column, of each user."""
    return re.findall(rf'<td class="field-{name}">(.*?)</td>', page)


def test_the_page_shows_what_every_process_holds(site, server, other_server, cooper, audrey):
    with server.connect(cooper) as one, other_server.connect(cooper) as two, server.connect(audrey):
        one.subscribe()
        two.subscribe()
        site.new_task(cooper)
        assert one.message() == two.message()
        with admin_of(site, server) as admin:
            # A page waits for the answers of the others for a moment only.
            page = eventually(lambda: shows_two(admin.read(CABLE), cooper), 20, "the answer of both")
    *processes, total = column(page, "Process")
    assert len(processes) >= 2
    assert sum("(this one)" in name for name in processes) == 1
    assert total == f"{len(processes)} processes"
    for name, least in (("Sockets", 3), ("Subscriptions", 2), ("Deliveries", 2)):
        *each, together = map(int, column(page, name))
        assert sum(each) == together >= least
    assert all(broker.startswith("healthy") for broker in column(page, "Broker")[:-1])
    sockets = dict(table(page, "users")[1:])
    assert (sockets[cooper.username], sockets[audrey.username]) == ("2", "1")
    assert "connections opened" in dict(table(page, "counts")[1:])


def shows_two(page, person):
    """The page, if both processes have answered it."""
    return page if dict(table(page, "users")[1:]).get(person.username) == "2" else None


def test_a_user_on_the_page_leads_to_theirs(site, server, cooper):
    with server.connect(cooper), admin_of(site, server) as admin:
        page = admin.read(CABLE)
    assert f'<a href="{USERS}{cooper.pk}/change/">{cooper.username}</a>' in page


def test_the_list_and_the_page_of_users_show_their_sockets_on_all_processes(
    site, server, other_server, cooper, audrey
):
    with server.connect(cooper), other_server.connect(cooper), admin_of(site, server) as admin:
        eventually(lambda: live(admin.read(f"{USERS}?q={cooper.username}@")) == ["2"], 20)
        assert field(admin.read(f"{USERS}?q={audrey.username}@"), "live_connections") == ["0"]
        two = re.compile(r'field-live_connections.*?<div class="readonly">2</div>', re.DOTALL)
        eventually(lambda: two.search(admin.read(f"{USERS}{cooper.pk}/change/")), 20)


def live(page):
    return field(page, "live_connections")


def test_the_in_memory_layer_shows_its_one_process():
    with new_site(None) as site:
        [server], cooper = site.servers, site.new_person()
        with server.connect(cooper) as socket:
            socket.subscribe()
            with admin_of(site, server) as admin:
                page = admin.read(CABLE)
                assert field(admin.read(f"{USERS}?q={cooper.username}@"), "live_connections") == ["1"]
    assert column(page, "Sockets") == ["1", "1"]
    assert table(page, "users")[1:] == [[cooper.username, "1"]]


def test_while_redis_is_away_it_shows_its_own_process_and_says_so(new_redis):
    with new_site(new_redis) as site:
        [server], cooper = site.servers, site.new_person()
        with server.connect(cooper), admin_of(site, server) as admin:
            new_redis.kill()
            eventually(lambda: "away since" in admin.read(CABLE), 15, "the loss of Redis")
            page = admin.read(CABLE)
            assert "Redis does not answer" in page
            assert column(page, "Sockets") == ["1", "1"]
            assert field(admin.read(f"{USERS}?q={cooper.username}@"), "live_connections") == [
                "unknown: Redis is down"
            ]


@contextmanager
def member(site, server, *permissions):
    """A member of the staff with these permissions and no others."""
    person = site.new_person(password="secret", is_staff=True)
    site.shell(
        "from django.contrib.auth.models import Permission\n"
        "from lessy.accounts.models import User\n"
        f"found = Permission.objects.filter(codename__in={permissions!r})\n"
        f"User.objects.get(pk={person.pk}).user_permissions.set(found)"
    )
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as browser:
        Admin(browser).submit("/admin/login/", username=person.username, password="secret")
        yield browser


def test_the_page_is_for_those_who_may_view_it(site, server):
    with member(site, server, "view_cable") as browser:
        assert CABLE in browser.get("/admin/").text
        assert browser.get(CABLE).status_code == 200
    with member(site, server, "view_task") as browser:
        assert CABLE not in browser.get("/admin/").text
        assert browser.get(CABLE).status_code == 403


@pytest.mark.parametrize("path", ["add/", "1/change/", "1/delete/"])
def test_there_is_nothing_to_change_on_it(site, server, path):
    with member(site, server, "view_cable", "add_cable", "change_cable", "delete_cable") as browser:
        assert browser.get(CABLE + path).status_code == 404


def test_n4_only_who_may_change_the_cable_disconnects(site, server, cooper):
    with server.connect(cooper) as socket:
        socket.subscribe()
        with member(site, server, "view_cable") as browser:
            assert "Disconnect</button>" not in browser.get(CABLE).text
            assert disconnect(browser, "x") == 403
        with member(site, server, "view_cable", "change_cable") as browser:
            page = browser.get(CABLE).text
            name = re.search(rf'Disconnect {cooper.username}, ([^"]+)"', page)[1]
            assert browser.get(f"{CABLE}disconnect/").status_code == 405
            assert disconnect(browser, "") == disconnect(browser, "x" * 1_000) == 400
            assert disconnect(browser, "nowhere:1/1") == 200
            assert disconnect(browser, name) == 200
        assert socket.frame() == {"type": "disconnect", "reason": "remote", "reconnect": True}


def disconnect(browser, name):
    """Returns the status of what follows."""
    token = browser.cookies["csrftoken"]
    headers = {"X-CSRFToken": token, "Referer": str(browser.base_url)}
    return browser.post(f"{CABLE}disconnect/", data={"socket": name}, headers=headers).status_code
