"""A client that reconnects with its last ping's time receives changes that no pass found before the cut."""

import json
from concurrent.futures import ThreadPoolExecutor

from tests.end_to_end.faults.harness.load import LOAD
from tests.support.site import new_site

OVERLAP = LOAD.overlap
# Server processes. A client reconnects to another one than it was cut from.
SERVERS = 3 if LOAD.promised else 2


def tries_on(redis, reconcile, report, **env):
    """
    A transaction that takes almost one overlap makes a change without a signal. Each client is cut when its
    pings name a time that is more than one overlap after the updated_at of that change. Returns for each
    client whether it received the change.
    """
    numbers = {"OVERLAP": OVERLAP, "RECONCILE_INTERVAL": reconcile, "PING_INTERVAL": OVERLAP * 0.3}
    env |= {f"CABLE_{name}": f"{value:g}" for name, value in numbers.items()}
    heard = []
    with new_site(redis, servers=SERVERS, **env) as site:
        for _ in range(LOAD.rounds):
            people = site.new_people(LOAD.clients * len(LOAD.cuts))
            tasks = [site.new_task(person) for person in people]
            with ThreadPoolExecutor(len(people)) as threads:
                sockets = [listening(site.servers[at % SERVERS], person) for at, person in enumerate(people)]
                changed = change_slowly(site, tasks, OVERLAP * 0.9)
                jobs = [
                    threads.submit(cut_and_come_back, site, at, people[at], sockets[at], tasks[at], changed)
                    for at in range(len(people))
                ]
                heard += [job.result() for job in jobs]
    report(
        "clients cut and back with the time of their last ping, and not told",
        (len(heard), heard.count(False)),
    )
    return heard


def listening(server, person):
    socket = server.connect(person)
    socket.subscribe()
    return socket


def cut_and_come_back(site, at, person, socket, task, changed):
    """Returns whether the client received the change, before the cut or after."""
    wanted = {"action": "update#tasks", "id": task, "updatedAt": int(changed)}
    later = LOAD.cuts[at % len(LOAD.cuts)]
    with socket:
        heard, last = hear_until_a_ping_names(socket, changed + OVERLAP * later)
    identifier = json.dumps({"channel": "NotificationsChannel", "since": last}, separators=(",", ":"))
    with site.servers[(at + 1) % SERVERS].connect(person) as socket:
        socket.subscribe(identifier)
        # A replay follows its confirm, and a ping that names a later time follows the replay.
        more, _ = hear_until_a_ping_names(socket, last + 1)
    return wanted in heard + more


def change_slowly(site, tasks, seconds):
    """Changes the tasks in a transaction of this length. Returns their updated_at, in epoch seconds."""
    return site.shell(
        f"""
import time
with transaction.atomic():
    now = timezone.now()
    Task.objects.filter(pk__in={tasks}).update(updated_at=now)
    time.sleep({seconds})
result = now.timestamp()
"""
    )


def hear_until_a_ping_names(socket, moment):
    """Returns the notifications received meanwhile, and the time that the ping names."""
    heard, named = [], 0
    while named < moment:
        frame = json.loads(socket.text(30))
        if frame.get("type") == "ping":
            named = frame["message"]
        elif "message" in frame:
            heard.append(frame["message"])
    return heard, named


def test_a2_a_transaction_almost_as_long_as_the_overlap_and_a_cut_just_after_it(new_redis, report):
    heard = tries_on(new_redis, OVERLAP * 0.8, report)
    assert all(heard)


def test_a2_nor_is_it_lost_where_no_pass_comes_in_between(new_redis, report):
    heard = tries_on(new_redis, 3600, report)
    assert all(heard)


def test_a2_with_pings_that_name_the_clock_such_a_change_is_lost(new_redis, report):
    """The control experiment: without the lag that is included in every position."""
    hooks = {"DJANGO_SETTINGS_MODULE": "tests.support.hooks.settings", "LESSY_TEST_HOOK": "no_lag"}
    heard = tries_on(new_redis, 3600, report, **hooks)
    assert not all(heard)
