"""The life of an account on a real server: mails as files, links of the client, sockets as they end."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.site import Server, new_site

EMAIL = "laura@example.com"
ROOT = "http://lessy.example"


@pytest.fixture(scope="module")
def mails(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mails")


@pytest.fixture(scope="module")
def own_server(redis_server, mails) -> Iterator[Server]:
    with new_site(redis_server, EMAIL_URL=f"filemail://{mails}", LESSY_ROOT_URL=ROOT) as site:
        yield site.servers[0]


def ask(server: Server, verb: str, path: str, body: Any = None, token: str = "null") -> Any:
    url = f"{server.url}/api/users{path}"
    answer = httpx.request(verb, url, json=body, headers={"Authorization": token}, timeout=30)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def token_in(mails: Path, link: str) -> str:
    """Of the only mail with a link like that."""
    found = [re.search(link, path.read_text()) for path in mails.iterdir()]
    [token] = [match[1] for match in found if match]
    return token


def test_an_account_from_its_registration_to_its_end(own_server, mails):
    registered = ask(own_server, "POST", "", {"email": EMAIL})["meta"]["token"]
    waiting = own_server.connect(token=registered)
    waiting.subscribe()

    token = token_in(mails, rf"{ROOT}/users/([\w-]{{20}})/activate\n")
    user = {"username": "laura", "password": "first"}
    activated = ask(own_server, "POST", "/activations", {"token": token, "user": user})["meta"]["token"]
    assert [frame["type"] for frame in waiting.until("disconnect")] == []
    waiting.close()

    ask(own_server, "POST", "/password_resets", {"user": {"email": EMAIL}})
    token = token_in(mails, rf"{ROOT}/password/([\w-]{{20}})/new\n")
    open_socket = own_server.connect(token=activated)
    open_socket.subscribe()
    ask(own_server, "POST", "/passwords", {"token": token, "user": {"password": "second"}})
    open_socket.until("disconnect")
    open_socket.close()

    credentials = {"username": "laura", "password": "second"}
    normal = ask(own_server, "POST", "/authorizations", credentials)["meta"]["token"]
    sudo = ask(own_server, "POST", "/authorizations", credentials | {"sudo": True})["meta"]["token"]
    sockets = {token: own_server.connect(token=token) for token in (normal, sudo)}
    for socket in sockets.values():
        socket.subscribe()
    ask(own_server, "POST", "/passwords", {"token": None, "user": {"password": "third"}}, sudo)
    sockets[normal].until("disconnect")
    sockets[sudo].assert_nothing_came()

    ask(own_server, "DELETE", "/me", None, sudo)
    sockets[sudo].until("disconnect")
    for socket in sockets.values():
        socket.close()
