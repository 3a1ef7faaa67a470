"""Whose right to a socket begins and ends, where word of its end can be lost."""

import time

import pytest

from notifications.broker.events import disconnect_event
from notifications.handshake.authentication import parse_handshake
from notifications.hub.registry import Registry
from notifications.hub.rights import Rights
from notifications.wire import protocol
from tests.support.sockets import Socket, admission

HANDSHAKE = parse_handshake([])


class Doorkeeper:
    """In place of the authenticator's threads. while_asked: called while each question is decided."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.while_asked = lambda: None

    async def authenticate(self, handshake):
        self.while_asked()
        return self.answers.pop(0)

    async def still_admitted(self, admissions):
        return [each.key != "lost" for each in admissions]


def revocation(keys=None):
    return disconnect_event(1, keys, protocol.UNAUTHORIZED, False)


def registered(registry, *sockets):
    for each in sockets:
        registry.add(each.connection)


async def test_who_was_asked_about_while_words_were_lost_is_asked_about_again():
    door = Doorkeeper(admission(), None)
    rights = Rights(Registry(), door)

    def lose_words():  # Redis was away, and with it the word that this token was revoked
        door.while_asked = lambda: None
        rights.doubt()

    door.while_asked = lose_words
    assert await rights.admit(HANDSHAKE) is None
    assert door.answers == []


async def test_who_was_asked_about_in_peace_is_asked_about_once():
    door = Doorkeeper(admission(), None)
    assert await Rights(Registry(), door).admit(HANDSHAKE) is not None
    assert door.answers == [None]


async def test_a_revocation_overtakes_the_handshake_that_it_concerns():
    door = Doorkeeper(admission(key="revoked"))
    rights = Rights(Registry(), door)
    door.while_asked = lambda: rights.revoke(revocation(["revoked"]))
    assert await rights.admit(HANDSHAKE) is None


async def test_a_revocation_closes_the_sockets_of_its_keys_and_no_others():
    registry = Registry()
    theirs, other_key, other_user = (Socket(admission(*of)) for of in ((1, "a"), (1, "b"), (2, "a")))
    registered(registry, theirs, other_key, other_user)
    assert Rights(registry, Doorkeeper()).revoke(revocation(["a"])) == 1
    assert [each.connection.closed is None for each in (theirs, other_key, other_user)] == [False, True, True]


async def test_an_order_that_comes_twice_is_carried_out_once():
    registry, order = Registry(), revocation()
    rights = Rights(registry, Doorkeeper())
    registered(registry, Socket())
    assert rights.revoke(order) == 1
    back = Socket()
    registered(registry, back)
    assert rights.revoke(order) == 1
    assert back.connection.closed is None


@pytest.mark.parametrize(
    ("extended", "reason"), [(False, protocol.UNAUTHORIZED), (True, protocol.TOKEN_EXPIRED)]
)
async def test_a_right_that_expired_ends_with_the_word_of_its_protocol(extended, reason):
    registry, now = Registry(), time.time()
    over = Socket(admission(expires_at=now - 1), extended=extended)
    lasts = Socket(admission(expires_at=now + 3_600))
    registered(registry, over, lasts)
    Rights(registry, Doorkeeper()).end_expired()
    assert over.frames == [{"type": "disconnect", "reason": reason, "reconnect": False}]
    assert lasts.frames == []


async def test_who_lost_the_right_is_found_by_asking_for_it():
    lost, kept = Socket(admission(key="lost")), Socket(admission(key="kept"))
    rights = Rights(Registry(), Doorkeeper())
    await rights.revalidate([lost.connection, kept.connection])
    assert lost.connection.closed == protocol.UNAUTHORIZED
    assert kept.connection.closed is None


async def test_of_nobody_nothing_is_asked():
    await Rights(Registry(), None).revalidate([])
