"""
Malformed frames and handshakes against a real server, and what they must not do to it.

    python -m tests.end_to_end.fuzz.attack --frames 100000 --seed 1
"""

import argparse
import errno
import json
import random
import socket as sockets
import time
from dataclasses import dataclass
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.end_to_end.fuzz.frames import malformed_frame, malformed_handshake, must_end_the_socket
from tests.support.cable import ABNORMAL, BASE, EXTENDED, CableSocket, confirmed
from tests.support.redis import RedisServer
from tests.support.site import Person, Server, Site, new_site

# Of the websocket protocol: not UTF-8, too large; ours: a limit was broken.
DOCUMENTED_CODES = {1007, 1009, 4029}
BATCH = 50
FRAMES_PER_HANDSHAKE = 20
MAX_GROWTH = 5 * 1024 * 1024

# The rate of commands is a limit of its own, and would end every socket of this test after 200 frames.
LIMITS = {
    "CABLE_COMMANDS_PER_SECOND": "1000000",
    "CABLE_COMMANDS_BURST": "1000000",
    "CABLE_HANDSHAKES_PER_SECOND": "1000000",
    "CABLE_HANDSHAKES_BURST": "1000000",
    "CABLE_MAX_SUBSCRIPTIONS": "100000",
}


@dataclass
class Outcome:
    frames: int = 0
    handshakes: int = 0
    ended: int = 0
    grown: int = 0  # bytes
    seconds: float = 0


# How a socket says that its peer has ended it.
ENDED = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}


class Attacker:
    """One socket at a time; a new one where the last was closed for a limit, and nowhere else."""

    def __init__(self, server: Server, person: Person, rnd: random.Random) -> None:
        self._server = server
        self._person = person
        self._random = rnd
        self.outcome = Outcome()
        self._socket = self._connect()

    def _connect(self) -> CableSocket:
        return self._server.connect(self._person, subprotocols=self._random.choice([BASE, EXTENDED]))

    def send(self, count: int) -> None:
        for _ in range(count):
            data, text = malformed_frame(self._random)
            self._socket.socket.send(data, text=text)
            if must_end_the_socket(data, text):
                self._must_have_ended()
        self._must_work()
        self.outcome.frames += count

    def _must_work(self) -> None:
        """Whatever was answered before, a subscribe is."""
        number = self.outcome.frames
        probe = json.dumps({"channel": "NotificationsChannel", "probe": number})
        self._socket.command("subscribe", probe)
        while self._socket.frame() != confirmed(probe):
            pass
        self._socket.texts.clear()
        # What the fuzz subscribed to goes with its socket.
        if number % (40 * BATCH) == 0:
            self._socket.close()
            self._socket = self._connect()

    def _must_have_ended(self) -> None:
        assert self._close_code() in DOCUMENTED_CODES
        self.outcome.ended += 1
        self._socket.close()
        self._socket = self._connect()

    def _close_code(self) -> int:
        try:
            while True:
                self._socket.text()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else ABNORMAL

    def shake_hands(self) -> None:
        """Refused by HTTP, or told and closed: nobody is let in."""
        answer = _answer_to(malformed_handshake(self._random, self._server.port), self._server.port)
        status = answer[9:12]
        assert b"welcome" not in answer, answer
        assert answer == b"" or status == b"101" or status[:1] == b"4", answer[:200]
        self.outcome.handshakes += 1

    def close(self) -> None:
        self._socket.close()


def _answer_to(request: bytes, port: int) -> bytes:
    """All that the server says until it ends, by a reset perhaps: it need not read all of a bad request."""
    answer = b""
    with sockets.create_connection(("127.0.0.1", port), timeout=10) as raw:
        try:
            raw.sendall(request)
            raw.shutdown(sockets.SHUT_WR)
            while piece := raw.recv(65536):
                answer += piece
        except OSError as exc:
            if exc.errno not in ENDED:
                raise
    return answer


class Witness:
    """Another user, who must notice nothing."""

    def __init__(self, site: Site, server: Server) -> None:
        self._site = site
        self._person = site.new_person()
        self._socket = server.connect(self._person)
        self._socket.subscribe()

    def hears(self) -> None:
        task = self._site.new_task(self._person)
        assert self._socket.message() == {"action": "create#tasks", "id": task}

    def close(self) -> None:
        self._socket.assert_nothing_came()
        self._socket.close()


def memory(server: Server) -> int:
    """Resident, in bytes."""
    status = Path(f"/proc/{server.child.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def attack(site: Site, server: Server, *, frames: int, seed: int, warm_up: int) -> Outcome:
    """Raises AssertionError for whatever must not happen."""
    attacker = Attacker(server, site.new_person(), random.Random(seed))
    witness = Witness(site, server)
    before, began = 0, time.monotonic()
    for sent in range(0, frames, BATCH):
        if before == 0 and sent >= warm_up:
            before = memory(server)
        attacker.send(BATCH)
        for _ in range(BATCH // FRAMES_PER_HANDSHAKE):
            attacker.shake_hands()
        if sent % (20 * BATCH) == 0:
            witness.hears()
    witness.hears()
    attacker.outcome.grown = memory(server) - before
    attacker.outcome.seconds = time.monotonic() - began
    witness.close()
    attacker.close()
    before, found, after = server.child.log.partition("Traceback")
    assert not found, before[-500:] + found + after[:5000]
    assert attacker.outcome.grown <= MAX_GROWTH, attacker.outcome
    return attacker.outcome


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    redis = RedisServer()
    with new_site(redis, **LIMITS) as site:
        warm_up = min(10_000, options.frames // 2)
        print(attack(site, site.servers[0], frames=options.frames, seed=options.seed, warm_up=warm_up))  # noqa: T201
    redis.stop()


if __name__ == "__main__":
    main()
