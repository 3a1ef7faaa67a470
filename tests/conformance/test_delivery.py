"""B32-B38, B40, and E39, E40. One test per case, named after it."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cable import BASE, EXTENDED, I
from tests.support.held import HeldHistory
from tests.support.shell import Shell
from tests.support.site import MANAGE
from tests.support.waiting import eventually


@pytest.fixture(params=[BASE, EXTENDED], ids=["base", "extended"])
def socket(request, server, cooper):
    with server.connect(cooper, subprotocols=request.param) as found:
        found.subscribe()
        yield found


def create_many(person, count):
    return f"result = [Task.objects.create(user_id={person.pk}, label='x').pk for _ in range({count})]"


def test_b32_a_data_frame_holds_identifier_and_message_only(site, server, cooper):
    with server.connect(cooper) as socket:
        socket.subscribe()
        task = site.new_task(cooper)
        socket.frame()
        message = f'{{"action":"create#tasks","id":{task}}}'
        assert socket.texts[-1] == f'{{"identifier":{json.dumps(I)},"message":{message}}}'


def test_b33_500_messages_arrive_once_and_in_order(site, socket, cooper):
    sent = site.shell(create_many(cooper, 500))
    assert [socket.message()["id"] for _ in sent] == sent
    socket.assert_nothing_came()


def test_b34_nothing_published_after_a_confirm_is_missed(site, other_server, cooper):
    """While one process creates tasks as fast as it can: what is committed after a confirm is heard on it."""
    create = f"Task.objects.create(user_id={cooper.pk}, label='x')"
    loop = f"import time; end = time.time() + 3\nwhile time.time() < end: {create}"
    site.new_task(cooper)
    rounds = 0
    with Shell(MANAGE, site.env) as writer:
        writer("1")  # it takes its time to start
        publishing = threading.Thread(target=writer, args=(loop,))
        publishing.start()
        while publishing.is_alive():
            with other_server.connect(cooper) as socket:
                socket.subscribe()
                committed = site.shell(f"Task.objects.filter(user_id={cooper.pk}).aggregate(Max('pk'))")
                heard = five_of(socket, publishing) if publishing.is_alive() else []
            if heard:
                rounds += 1
                assert heard[0] <= committed["pk__max"] + 1
                assert heard == list(range(heard[0], heard[0] + 5))
        publishing.join()
    assert rounds > 3


def five_of(socket, publishing):
    """The next five ids; none if the publisher ended before."""
    try:
        return [socket.message(5)["id"] for _ in range(5)]
    except TimeoutError:
        assert not publishing.is_alive()
        return []


def test_b34_a_thousand_users_who_subscribe_while_it_is_published_to_them_miss_nothing(site):
    """Each joins a stream that nobody held before; what another process saves after the confirm is heard."""
    people = site.new_people(1_000)
    overlapping = 0
    with Shell(MANAGE, site.env) as writer, ThreadPoolExecutor(1) as pool:
        for number, person in enumerate(people):
            offered, server = (BASE, EXTENDED)[number % 2], site.servers[number // 2 % 2]
            with server.connect(person, subprotocols=offered) as socket:
                publishing = pool.submit(writer, three_tasks_of(person))
                socket.subscribe()
                confirmed_at = time.time()
                published = publishing.result()
                owed = [pk for at, pk in published if at > confirmed_at]
                heard = [socket.message()["id"]] if owed else []
                while owed and heard[-1] != owed[-1]:
                    heard.append(socket.message()["id"])
            assert heard == [pk for _, pk in published][-len(heard) :] or not heard
            assert set(owed) <= set(heard)
            overlapping += 0 < len(owed) < 3
    # Or it would not have shown anything.
    assert overlapping > 50


def three_tasks_of(person):
    create = f"Task.objects.create(user_id={person.pk}, label='x').pk"
    return f"import time; result = [(time.time(), {create}) for _ in range(3)]"


def test_b35_nobody_hears_what_is_another_users(site, socket, cooper, audrey):
    site.new_task(audrey)
    socket.assert_nothing_came()


def test_b36_two_sockets_of_a_user_both_hear_and_one_outlives_the_other(site, server, other_server, cooper):
    with server.connect(cooper) as first:
        first.subscribe()
        with other_server.connect(cooper) as second, server.connect(cooper) as third:
            second.subscribe()
            third.subscribe()
            task = site.new_task(cooper)
            assert [each.message()["id"] for each in (first, second, third)] == [task] * 3
        task = site.new_task(cooper)
        assert first.message()["id"] == task


@pytest.mark.parametrize("reconnect", [True, False])
def test_b37_a_remote_disconnect_closes_every_socket_of_the_user(
    site, server, other_server, cooper, audrey, reconnect
):
    theirs = [server.connect(cooper), other_server.connect(cooper, subprotocols=EXTENDED)]
    with server.connect(audrey) as hers:
        site.manage("cable_disconnect", "--user", cooper.username, *["--reconnect"][: int(reconnect)])
        for socket in theirs:
            assert socket.frame() == {"type": "disconnect", "reason": "remote", "reconnect": reconnect}
            assert socket.close_code() == 1000
            socket.close()
        hers.assert_nothing_came()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_b38_a_server_that_stops_tells_its_clients_to_come_back(site, cooper, number):
    server = site.serve()
    sockets = [server.connect(cooper, subprotocols=offered) for offered in (BASE, BASE, EXTENDED)]
    server.child.signal(number)
    for socket in sockets:
        assert socket.frame() == {"type": "disconnect", "reason": "server_restart", "reconnect": True}
        assert socket.close_code() == 1000
        socket.close()
    assert eventually(lambda: not server.child.running, 10)
    assert server.child.process.returncode == 0


SINCE = '{"channel":"NotificationsChannel","since":1}'


@pytest.mark.parametrize(
    ("subprotocols", "identifier", "more", "answer"),
    [
        pytest.param(BASE, SINCE, {}, "confirm_subscription", id="base"),
        pytest.param(EXTENDED, I, {"history": {"since": 1}}, "confirm_history", id="extended"),
    ],
)
def test_b40_a_command_that_waits_for_the_database_delays_no_ping(
    site, cooper, tmp_path, subprotocols, identifier, more, answer
):
    history = HeldHistory(tmp_path)
    server = history.serve(site)
    with server.connect(cooper, subprotocols=subprotocols) as socket:
        socket.command("subscribe", identifier, **more)
        history.wait_until_held()
        pings = 0
        while pings < 3:
            text = socket.text(30)
            assert answer not in text
            pings += "ping" in text
        history.release()
        while answer not in socket.text(30):
            pass


def test_e40_a_base_and_an_extended_socket_hear_the_same(site, server, cooper):
    with server.connect(cooper) as base, server.connect(cooper, subprotocols=EXTENDED) as extended:
        base.subscribe()
        extended.subscribe()
        site.new_task(cooper)
        plain, positioned = base.frame(), extended.frame()
    assert set(plain) == {"identifier", "message"}
    assert set(positioned) == {"identifier", "message", "stream_id", "epoch", "offset"}
    assert plain["message"] == positioned["message"]
