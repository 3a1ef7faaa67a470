"""What the hub decides of who may connect, where the word of a revocation can be lost."""

import pytest

from notifications.authentication import parse_handshake
from notifications.hub import Hub


class Admitted:
    user_id, key, expires_at = 1, "token", None


@pytest.fixture
async def hub():
    found = Hub()
    found._epoch = "known"
    yield found
    await found.stop()


async def test_who_was_asked_about_while_words_were_lost_is_asked_about_again(hub, monkeypatch):
    answers = [Admitted(), None]

    async def authenticate(handshake):
        if len(answers) == 2:
            hub._on_gap(0.0)  # Redis was away, and with it the word that this token was revoked
        return answers.pop(0)

    monkeypatch.setattr(hub.doorkeeper, "authenticate", authenticate)
    assert await hub.authenticate(parse_handshake([])) is None
    assert answers == []


async def test_who_was_asked_about_in_peace_is_asked_about_once(hub, monkeypatch):
    answers = [Admitted(), None]

    async def authenticate(handshake):
        return answers.pop(0)

    monkeypatch.setattr(hub.doorkeeper, "authenticate", authenticate)
    assert isinstance(await hub.authenticate(parse_handshake([])), Admitted)
