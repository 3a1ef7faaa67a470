"""A crowd that has passwords hashed takes only the threads it is given; operators are answered meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from notifications.server.threads import ENDING_THREADS, OPERATORS_THREADS

THREADS = 2
CROWD = 20


@pytest.fixture(scope="module")
def server(site):
    server = site.serve(SERVER_REQUEST_THREADS=str(THREADS))
    yield server
    server.stop()


def threads_of(server):
    return len(list(Path(f"/proc/{server.child.process.pid}/task").iterdir()))


def log_in(server):
    body = {"username": "nobody", "password": "wrong"}
    return server.request("POST", "/api/users/authorizations", json=body).status_code


def test_c6_a_crowd_that_has_passwords_hashed_takes_so_many_threads(server):
    log_in(server)
    before = most = threads_of(server)
    with ThreadPoolExecutor(CROWD) as crowd:
        answers = [crowd.submit(log_in, server) for _ in range(CROWD)]
        while not all(answer.done() for answer in answers):
            most = max(most, threads_of(server))
            assert server.request("GET", "/health/live").status_code == 200
    assert {answer.result() for answer in answers} == {401}
    assert most <= before + THREADS + ENDING_THREADS + OPERATORS_THREADS
