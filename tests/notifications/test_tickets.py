"""The tickets of cable_check: for a minute, for one installation, signed."""

import time
from unittest import mock

import pytest

from notifications.broker.events import group_for_user
from notifications.changes.history import changes_since
from notifications.handshake.admission import Doorkeeper
from notifications.handshake.authentication import parse_handshake
from notifications.handshake.tickets import HEADER, LONGEST, SECONDS, new_ticket, ticket_of
from notifications.hub.connection import Connection
from notifications.hub.registry import Registry
from notifications.hub.rights import Rights
from notifications.wire.payloads import CHECK


def handshake(text):
    return parse_handshake([(HEADER.encode(), text.encode("latin-1"))])


def cable(settings, **changed):
    settings.CABLE = {**settings.CABLE, **changed}


@pytest.mark.parametrize("user", [7, "5f1e4c3a-0000-4000-8000-000000000000", f"{CHECK}abc"])
def test_17_a_ticket_admits_whom_it_names_for_a_minute(user):
    found = ticket_of(handshake(new_ticket(user)))
    assert found.user_id == user
    assert 0 < found.expires_at - time.time() <= SECONDS


@pytest.mark.parametrize("text", ["", "x", "a:b:c", "\x00", "ä", "x" * (LONGEST + 1), "." * LONGEST])
def test_17_what_is_no_ticket_admits_nobody(text):
    assert ticket_of(handshake(text)) is None


def test_17_a_ticket_that_was_changed_admits_nobody():
    text = new_ticket(7)
    assert ticket_of(handshake(new_ticket(8).partition(":")[0] + ":" + text.partition(":")[2])) is None


def test_17_a_ticket_of_another_key_or_installation_admits_nobody(settings):
    text = new_ticket(7)
    cable(settings, PREFIX="elsewhere")
    assert ticket_of(handshake(text)) is None
    text = new_ticket(7)
    settings.SECRET_KEY = "another-key-that-is-long-enough-for-a-test-of-signatures"
    assert ticket_of(handshake(text)) is None


def test_17_an_old_ticket_admits_nobody():
    with mock.patch("time.time", lambda now=time.time: now() - SECONDS - 2):
        text = new_ticket(7)
    assert ticket_of(handshake(text)) is None


class Unasked(Doorkeeper):
    """Knows nobody, and fails the test that asks."""

    def __init__(self):
        pass

    async def authenticate(self, handshake):
        raise AssertionError(handshake)

    async def still_admitted(self, admissions):
        raise AssertionError(admissions)


@pytest.mark.asyncio
async def test_17_no_authenticator_is_asked_about_a_ticket():
    rights = Rights(Registry(), Unasked())
    ticket = await rights.admit(handshake(new_ticket(7)))
    connection = mock.create_autospec(Connection, instance=True, user_id=7, admission=ticket)
    await rights.revalidate([connection])
    connection.close.assert_not_called()


@pytest.mark.django_db
def test_17_no_table_is_asked_for_the_rows_of_nobody(django_assert_max_num_queries):
    assert group_for_user(f"{CHECK}abc") != group_for_user(f"{CHECK}abd")
    # The notices of deletions, which know users by their text, at most.
    with django_assert_max_num_queries(1):
        assert list(changes_since([f"{CHECK}abc"], 0)) == []


def test_17_each_use_of_a_ticket_is_in_the_log(caplog):
    text = new_ticket(7)
    with caplog.at_level("INFO", "notifications.handshake.tickets"):
        assert ticket_of(handshake(text)) is not None
    assert "cable_check comes in with a ticket for user 7" in caplog.text
    assert text not in caplog.text
