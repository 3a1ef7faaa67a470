"""Whoever vanished without a word is forgotten; whoever is merely silent is not."""

import ctypes
import os
import socket
import struct
import subprocess
import threading
from contextlib import contextmanager

import pytest

from tests.end_to_end.soak.sizes import SIZES
from tests.support.raw import RawSocket
from tests.support.required import missing
from tests.support.waiting import eventually, within

CLONE_NEWNET = 0x4000_0000
# Of this process alone: others may test meanwhile.
NET = f"10.231.{os.getpid() % 250 + 1}"
SERVER, CLIENT = f"{NET}.1", f"{NET}.2"
# The default is 50 s.
DEAD_AFTER = 50 if SIZES.compared else 6


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def another_machine():
    """A network of its own, with a cable to this one. Yields (its name, the end of the cable here)."""
    name, here, there = f"lessy{os.getpid()}", f"vs{os.getpid()}", f"vc{os.getpid()}"
    try:
        ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        missing("ip netns, and the right to use it")
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("addr", "add", f"{SERVER}/24", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", name, "addr", "add", f"{CLIENT}/24", "dev", there)
        ip("-n", name, "link", "set", there, "up")
        yield name, here
    finally:
        ip("netns", "del", name)


def connect_from(name, port, person):
    """A socket that was made there stays there."""
    made = []

    def make():
        with open(f"/run/netns/{name}") as namespace:
            assert ctypes.CDLL(None).setns(namespace.fileno(), CLONE_NEWNET) == 0
        made.append(RawSocket(port, host=SERVER).upgrade(person.token))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    [found] = made
    return found


@pytest.fixture
def machine():
    with another_machine() as found:
        yield found


def test_a_peer_whose_cable_is_pulled_is_gone_and_a_silent_one_stays(site, cooper, machine):
    name, interface = machine
    server = site.serve(
        ["serve", "--bind", "0.0.0.0:{port}", "--drain", "1"],
        DJANGO_ALLOWED_HOSTS="*",
        SERVER_DEAD_PEER_SECONDS=str(DEAD_AFTER),
    )
    gone = connect_from(name, server.port, cooper)
    silent = RawSocket(server.port).upgrade(cooper.token)
    assert sockets_of(server) == 2
    abrupt = RawSocket(server.port).upgrade(cooper.token)
    abrupt.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    abrupt.close()
    server.wait_for_log(f"closed a socket of user {cooper.pk}: client")
    ip("link", "set", interface, "down")
    eventually(lambda: sockets_of(server) == 1, DEAD_AFTER + 10, "the end of the dead peer")
    server.wait_for_log("client stopped responding: over the limit of dead_peer_seconds")
    server.wait_for_log(f"closed a socket of user {cooper.pk}: dead_peer")
    assert silent.connected
    assert not within(4, lambda: not silent.connected)
    for each in (gone, silent):
        each.close()


def sockets_of(server):
    """How many established or dying connections the process has, as the kernel sees it."""
    listed = subprocess.run(
        ["ss", "-Htnp", f"sport = :{server.port}"], check=True, capture_output=True, text=True
    ).stdout
    return sum(f"pid={server.child.process.pid}," in line for line in listed.splitlines())
