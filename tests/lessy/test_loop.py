"""The loop of the server: a turn serves so many sockets, and the others come first in the next."""

import os
import select
import socket
import subprocess
import sys

import pytest

from lessy import loop
from tests.support.site import ROOT

READABLE = 3 * loop.EVENTS_PER_TURN
# What manage.py leaves behind when it has run a command.
REACTORS_SELECTOR = """
import runpy, sys
from contextlib import suppress
sys.argv = ["manage.py", *sys.argv[1:], "--help"]
with suppress(SystemExit):
    runpy.run_path("manage.py", run_name="__main__")
import daphne.server
from twisted.internet import reactor
print(type(reactor._asyncioEventloop._selector).__name__)
"""


@pytest.fixture
def selector():
    with loop.BoundedSelector() as found:
        yield found


@pytest.fixture
def readers(selector):
    """As many as three turns serve, each with something to read."""
    pairs = [socket.socketpair() for _ in range(READABLE)]
    for ours, theirs in pairs:
        selector.register(ours, select.EPOLLIN)
        theirs.send(b"x")
    yield [ours for ours, _ in pairs]
    for pair in pairs:
        for each in pair:
            each.close()


def test_a_turn_is_bounded_and_nobody_waits_for_two_of_others(selector, readers):
    served = []
    for _ in range(3):
        turn = [key.fileobj for key, _ in selector.select(0)]
        assert len(turn) == loop.EVENTS_PER_TURN
        for each in turn:
            each.recv(1)
        served += turn
    assert set(served) == set(readers)
    assert selector.select(0) == []


def test_who_always_has_something_does_not_starve_the_others(selector, readers):
    served = set()
    for _ in range(3):
        served |= {key.fileobj for key, _ in selector.select(0)}
    assert served == set(readers)


def test_who_hangs_up_is_heard_of(selector):
    ours, theirs = socket.socketpair()
    selector.register(ours, select.EPOLLIN)
    theirs.close()
    assert [key.fileobj for key, _ in selector.select(1)] == [ours]
    ours.close()


def test_a_timeout_ends_the_waiting(selector):
    assert selector.select(0.01) == []


@pytest.mark.parametrize(
    ("command", "selector"), [("serve", "BoundedSelector"), ("runserver", "EpollSelector")]
)
def test_it_is_the_loop_of_serve_alone(command, selector):
    told = {"DJANGO_SECRET_KEY": "k" * 50, "DJANGO_ALLOWED_HOSTS": "localhost"}
    said = subprocess.run(
        [sys.executable, "-c", REACTORS_SELECTOR, command],
        cwd=ROOT,
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split()[-1] == selector
