"""
Throttles of several processes: they count together in Redis, and each alone while it is frozen, gone or
read-only.
"""

import pytest
from redis import Redis

from tests.support.site import new_site


@pytest.fixture
def two_servers(new_redis):
    rates = {"LESSY_THROTTLES": "on", "LESSY_THROTTLE_LOGIN_ACCOUNT": "2/day"}
    with new_site(new_redis, servers=2, **rates) as site:
        yield site.servers


def log_in(server, username):
    body = {"username": username, "password": "wrong"}
    return server.request("POST", "/api/users/authorizations", json=body).status_code


def test_processes_count_together_and_each_alone_without_redis(two_servers, new_redis):
    one, other = two_servers
    assert [log_in(server, "a") for server in (one, other, one, other)] == [401, 401, 429, 429]
    new_redis.freeze()
    assert [log_in(server, "b") for server in (one, one, one, other)] == [401, 401, 429, 401]
    new_redis.thaw()
    new_redis.kill()
    assert [log_in(server, "c") for server in (one, one, one, other)] == [401, 401, 429, 401]
    new_redis.start()
    assert [log_in(server, "d") for server in (one, other, one)] == [401, 401, 429]
    with Redis.from_url(new_redis.url) as redis:
        redis.replicaof("127.0.0.1", 1)
    assert [log_in(server, "e") for server in (one, one, one, other)] == [401, 401, 429, 401]
