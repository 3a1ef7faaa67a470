"""The wheel in three projects of other users and credentials, on SQLite and on PostgreSQL."""

import shutil
import sys
from pathlib import Path

import psycopg
import pytest

from tests.support.house import House
from tests.support.postgres import new_postgres
from tests.support.required import missing

KINDS = ("sessions", "tokens", "uuid")
UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}


@pytest.fixture(scope="module")
def postgres():
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and not shutil.which("initdb"):
        missing("PostgreSQL")
    with new_postgres() as server:
        yield server


def empty_database(postgres, name):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.url.removesuffix("postgres") + name


@pytest.fixture(params=["sqlite", "postgresql"])
def new_house(request, tmp_path, installed_cable, redis_server):
    def build(kind):
        database = ""
        if request.param == "postgresql":
            database = empty_database(request.getfixturevalue("postgres"), kind)
        return House(
            tmp_path, sys.executable, redis_server, kind=kind, database=database, paths=(installed_cable,)
        )

    return build


@pytest.mark.parametrize("kind", KINDS)
def test_17_whoever_may_connect_hears_live_and_of_what_was_missed(new_house, kind):
    house = new_house(kind)
    headers = house.move_in()
    child = house.serve()
    try:
        with house.connect(headers) as socket:
            socket.subscribe()
            book = house.new_book()
            assert socket.message() == {"action": "create#books", "id": book}
        with house.connect(headers) as socket:
            socket.subscribe('{"channel":"NotificationsChannel","since":1}')
            assert socket.message() == {"action": "create#books", "id": book}
        name = next(iter(headers))
        with house.connect({name: headers[name][:-1]}, welcomed=False) as socket:
            assert socket.frame() == UNAUTHORIZED
    finally:
        child.stop()
