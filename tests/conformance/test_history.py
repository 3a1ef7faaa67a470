"""E7-E24, E32-E35: replays. One test per case, named after it."""

import threading
import time

import pytest

from tests.support.cable import EXTENDED, I, confirmed
from tests.support.shell import Shell
from tests.support.site import MANAGE, new_site

HOK = {"type": "confirm_history", "identifier": I}
HNO = {"type": "reject_history", "identifier": I}
# Live offsets stay at the server's last complete pass over the tables: what must lie outside, does so by far.
DAY = 86_400
YEAR = 365 * DAY


@pytest.fixture
def connect(server, cooper):
    return lambda: server.connect(cooper, subprotocols=EXTENDED)


@pytest.fixture
def socket(connect):
    with connect() as found:
        yield found


@pytest.fixture
def last(site, connect, cooper):
    """The last data frame of a socket that then went away."""
    with connect() as socket:
        socket.subscribe()
        site.new_task(cooper)
        return socket.frame()


def at(frame, **changed):
    """The position of a frame, as a client sends it back."""
    position = {"epoch": frame["epoch"], "offset": frame["offset"], **changed}
    return {"streams": {frame["stream_id"]: position}}


def replay(socket, history):
    """The ids between the confirm and the answer, and the answer."""
    socket.command("subscribe", history=history)
    assert socket.frame() == confirmed()
    return answer(socket)


def answer(socket):
    frames = []
    while "message" in (frame := socket.frame()):
        frames.append(frame)
    offsets = [each["offset"] for each in frames]
    assert offsets == sorted(set(offsets))
    return [each["message"]["id"] for each in frames], frame


def age(site, person, seconds):
    """Make every row of a person look as old as that."""
    moment = f"timezone.now() - timedelta(seconds={seconds})"
    site.shell(f"Task.objects.filter(user_id={person.pk}).update(created_at={moment}, updated_at={moment})")


def many(site, person, count):
    site.shell(
        f"""
now = timezone.now()
rows = [
    Task(user_id={person.pk}, label="x", order=n, created_at=now, updated_at=now) for n in range({count})
]
Task.objects.bulk_create(rows)
"""
    )


def new_tasks(site, person, count):
    return [site.new_task(person) for _ in range(count)]


def test_e7_since_replays_what_changed_oldest_first(site, socket, cooper):
    tasks = new_tasks(site, cooper, 3)
    assert replay(socket, {"since": int(time.time()) - 30}) == (tasks, HOK)


def test_e8_a_position_replays_what_changed_after_it(site, socket, cooper, last):
    tasks = new_tasks(site, cooper, 3)
    found, end = replay(socket, at(last))
    assert end == HOK
    assert found[-3:] == tasks


def test_e8_offsets_of_a_replay_are_beyond_the_position(site, socket, cooper, last):
    new_tasks(site, cooper, 3)
    socket.command("subscribe", history=at(last))
    assert all(frame["offset"] > last["offset"] for frame in socket.until("confirm_history")[1:])


def test_e9_when_nothing_changed_nothing_is_replayed(site, socket, cooper, last):
    age(site, cooper, DAY)
    assert replay(socket, at(last)) == ([], HOK)


def test_e10_since_does_not_count_beside_a_position(site, socket, cooper, last):
    age(site, cooper, DAY)
    tasks = new_tasks(site, cooper, 1)
    assert replay(socket, at(last) | {"since": 1}) == (tasks, HOK)


@pytest.mark.parametrize("more", [{}, {"since": 1}])
def test_e11_another_epoch_is_rejected_and_the_subscription_lives(site, socket, cooper, last, more):
    assert replay(socket, at(last, epoch="other") | more) == ([], HNO)
    [task] = new_tasks(site, cooper, 1)
    assert socket.message()["id"] == task


def test_e12_a_position_in_the_future_is_rejected(socket, last):
    assert replay(socket, at(last, offset=last["offset"] + 2 * DAY * 1_000_000)) == ([], HNO)


def test_e13_beyond_the_replay_limit_nothing_is_replayed(site, socket, cooper, last):
    many(site, cooper, 1_010)
    assert replay(socket, at(last)) == ([], HNO)


def test_e14_a_position_of_a_year_ago_is_as_good_as_any(site, socket, cooper, last):
    tasks = new_tasks(site, cooper, 5)
    found, end = replay(socket, at(last, offset=last["offset"] - YEAR * 1_000_000))
    assert end == HOK
    assert found[-5:] == tasks


def test_e15_so_is_a_time_of_a_year_ago(site, socket, cooper):
    tasks = new_tasks(site, cooper, 5)
    assert replay(socket, {"since": int(time.time()) - YEAR}) == (tasks, HOK)


@pytest.mark.parametrize("since", [False, None, "x", -1])
def test_e16_a_since_that_cannot_be_read_does_not_disturb_a_position(site, socket, cooper, last, since):
    tasks = new_tasks(site, cooper, 1)
    found, end = replay(socket, at(last) | {"since": since})
    assert end == HOK
    assert found[-1:] == tasks


@pytest.mark.parametrize("history", [False, 5, [], "x", None])
def test_e17_a_history_that_is_no_object_asks_for_nothing(site, socket, cooper, history):
    new_tasks(site, cooper, 1)
    socket.subscribe(history=history)
    socket.assert_nothing_came()


@pytest.mark.parametrize("position", [{"epoch": 5}, {"offset": "x"}, {"offset": -1}, {"offset": 10**30}])
def test_e18_a_position_that_cannot_be_read_is_rejected(socket, last, position):
    assert replay(socket, at(last, **position)) == ([], HNO)
    socket.assert_nothing_came()


def test_e19_another_users_stream_gives_nothing(site, server, socket, audrey):
    with server.connect(audrey, subprotocols=EXTENDED) as hers:
        hers.subscribe()
        site.new_task(audrey)
        theirs = hers.frame()
    assert replay(socket, at(theirs)) == ([], HOK)


def test_thousands_of_streams_are_rejected(socket):
    streams = {f"user.{number}": 0 for number in range(3_000)}
    assert replay(socket, {"streams": streams}) == ([], HNO)


def test_e20_history_may_be_asked_for_again(site, socket, cooper):
    tasks = new_tasks(site, cooper, 2)
    socket.subscribe()
    for _ in range(2):
        socket.command("history", history={"since": int(time.time()) - 30})
        assert answer(socket) == (tasks, HOK)


def test_e21_history_of_nothing_is_answered_with_silence(socket):
    socket.command("history", history={"since": 1})
    socket.subscribe()
    socket.command("history")
    socket.command("history", history={})
    socket.assert_nothing_came()


def test_e22_history_of_no_stream_is_confirmed(socket):
    socket.subscribe()
    socket.command("history", history={"streams": {}})
    assert socket.frame() == HOK


def test_e23_a_repeated_subscribe_replays_nothing(site, socket, cooper):
    new_tasks(site, cooper, 1)
    socket.subscribe()
    socket.command("subscribe", history={"since": 1})
    socket.assert_nothing_came()


def test_e24_under_load_replay_and_live_fit_together(site, connect, cooper, last):
    """While another process changes rows as fast as it can: nothing is missed, nothing is out of order."""
    loop = f"""
import time
rows = [Task.objects.create(user_id={cooper.pk}, label="x") for _ in range(10)]
end = time.time() + 3
while time.time() < end:
    for row in rows:
        row.save()
Project.objects.create(user_id={cooper.pk}, name="the last change")
result = [(row.pk, int(row.updated_at.timestamp())) for row in rows]
"""
    versions, heard = [], {}
    with Shell(MANAGE, site.env) as writer, connect() as socket:
        writer("1")  # it takes its time to start
        writing = threading.Thread(target=lambda: versions.extend(writer(loop)))
        writing.start()
        socket.command("subscribe", history=at(last))
        assert socket.frame() == confirmed()
        offset, acknowledged, action = 0, 0, None
        # Not until the writer has answered, which the last frame may overtake.
        while action != "create#projects":
            frame = socket.frame()
            if frame == HOK:
                acknowledged += 1
                continue
            assert frame["offset"] > offset
            offset, action = frame["offset"], frame["message"]["action"]
            heard[action, frame["message"]["id"]] = frame["message"].get("updatedAt")
        writing.join()
    assert acknowledged == 1
    assert versions
    assert all(heard.get(("update#tasks", pk)) == version for pk, version in versions)


def test_e32_a_change_without_a_signal_is_announced_once(site, cooper):
    server = site.serve(DJANGO_SETTINGS_MODULE="tests.support.brisk_settings")
    task = site.new_task(cooper)
    with server.connect(cooper) as socket:
        socket.subscribe()
        updated_at = site.shell(
            f"""
now = timezone.now() + timedelta(seconds=1)
Task.objects.filter(pk={task}).update(updated_at=now)
result = int(now.timestamp())
"""
        )
        wanted = {"action": "update#tasks", "id": task, "updatedAt": updated_at}
        # The creation, a moment before the subscribe, may be repeated.
        heard = [socket.message() for _ in range(2)]
        assert heard.count(wanted) == 1
        with pytest.raises(TimeoutError):
            socket.frame(seconds=2.5)


def test_e33_two_saves_within_a_second_are_two_versions(site, connect, cooper):
    with connect() as socket:
        socket.subscribe()
        task = site.new_task(cooper)
        socket.frame()
        first = site.touch(task)
        last = socket.frame()
        assert last["message"]["updatedAt"] == first
    second = site.touch(task)
    assert second > first
    with connect() as socket:
        socket.command("subscribe", history=at(last))
        messages = [frame["message"] for frame in socket.until("confirm_history")[1:]]
    assert messages[-1] == {"action": "update#tasks", "id": task, "updatedAt": second}


def test_e34_a_position_outlives_servers_and_redis(new_redis):
    with new_site(new_redis) as site:
        cooper, [server] = site.new_person(), site.servers
        with server.connect(cooper, subprotocols=EXTENDED) as socket:
            socket.subscribe()
            site.new_task(cooper)
            last = socket.frame()
        server.stop()
        site.close_shell()
        new_redis.kill()
        new_redis.start()
        server.start()
        [task] = new_tasks(site, cooper, 1)
        with server.connect(cooper, subprotocols=EXTENDED) as socket:
            found, end = replay(socket, at(last))
            assert end == HOK
            assert found[-1] == task
            new_tasks(site, cooper, 1)
            assert socket.frame()["epoch"] == last["epoch"]


def test_e35_after_a_renewal_old_positions_are_rejected_and_new_frames_carry_the_new_epoch(redis_server):
    with new_site(redis_server) as site:
        cooper, [server] = site.new_person(), site.servers
        with server.connect(cooper, subprotocols=EXTENDED) as socket:
            socket.subscribe()
            site.new_task(cooper)
            last = socket.frame()
            epoch = site.manage("cable_renew_epoch").strip()
            assert epoch != last["epoch"]
            task = site.new_task(cooper)
            frame = socket.frame()
            assert frame["message"]["id"] == task
            assert frame["epoch"] == epoch
        with server.connect(cooper, subprotocols=EXTENDED) as socket:
            assert replay(socket, at(last)) == ([], HNO)


def test_a_position_never_lies_behind_a_change_that_is_still_to_be_caught_up(site, cooper):
    """A silent change, an announced one, and a cut before any pass over the tables: a resume has both."""
    server = site.serve(DJANGO_SETTINGS_MODULE="tests.support.scant_settings")
    silent, announced = new_tasks(site, cooper, 2)
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe()
        site.shell(f"Task.objects.filter(pk={silent}).update(updated_at=timezone.now())")
        # Longer than the overlap of these settings, shorter than their reconcile interval.
        time.sleep(2)
        site.touch(announced)
        while (last := socket.frame())["message"].get("id") != announced or "updatedAt" not in last[
            "message"
        ]:
            pass
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        found, end = replay(socket, at(last))
        assert end == HOK
        assert silent in found
