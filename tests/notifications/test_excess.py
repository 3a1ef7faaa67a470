"""Over a limit a socket is closed, and the log says over which."""

from notifications.conf import CableSettings, cable_settings
from notifications.hub import excess
from notifications.hub.registry import Registry
from notifications.wire.close_codes import TOO_MANY
from tests.support.sockets import Socket


async def test_a_frame_within_the_limit_is_counted_and_may_be_read():
    socket = Socket()
    assert excess.count_frame(socket.connection, cable_settings().max_frame_bytes)
    assert socket.connection.frames_in == 1


async def test_a_longer_one_closes_its_socket_for_good(caplog):
    socket = Socket()
    assert not excess.count_frame(socket.connection, cable_settings().max_frame_bytes + 1)
    assert socket.frames == [{"type": "disconnect", "reason": "limit_exceeded", "reconnect": False}]
    assert socket.code == TOO_MANY
    assert "over the limit of frame_bytes" in caplog.text


async def test_a_client_that_was_too_fast_may_come_back():
    socket = Socket(limits=CableSettings(commands_burst=2))
    assert excess.charge(socket.connection, 2)
    assert not excess.charge(socket.connection, 1)
    assert socket.frames == [{"type": "disconnect", "reason": "limit_exceeded", "reconnect": True}]


async def test_what_comes_after_the_close_is_not_read():
    socket = Socket()
    socket.connection.end("client")
    assert not excess.count_frame(socket.connection, 1)
    assert not excess.charge(socket.connection, 0)


async def test_a_user_may_have_so_many_sockets_and_no_more(settings):
    settings.CABLE = {**settings.CABLE, "MAX_SOCKETS_PER_USER": 2}
    registry = Registry()
    sockets = [Socket() for _ in range(3)]
    for each in sockets:
        if excess.may_be_added(registry, each.connection):
            registry.add(each.connection)
    assert [each.code for each in sockets] == [None, None, TOO_MANY]
    assert len(registry) == 2
