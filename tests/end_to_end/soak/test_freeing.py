"""What a socket had is freed when it ends, and not when the garbage collector finds it."""

import signal

from tests.end_to_end.soak.test_churn import cycle
from tests.support.waiting import eventually

CLEAN, ABRUPT = 2, 10


def unfreed(server):
    said = len(reports(server))
    server.child.signal(signal.SIGUSR1)
    eventually(lambda: len(reports(server)) > said, 5, "its report")
    return int(reports(server)[-1].split()[-1])


def reports(server):
    return [line for line in server.child.log.splitlines() if line.startswith("unfreed: ")]


def test_an_ended_socket_does_not_wait_for_the_garbage_collector(site):
    server = site.serve(
        DJANGO_SETTINGS_MODULE="tests.support.hooks.settings", LESSY_TEST_HOOK="report_unfreed"
    )
    person = site.new_person()
    for number in (CLEAN, ABRUPT) * 10:
        cycle(server, person, number)
    eventually(lambda: unfreed(server) == 0, 20, "the end of all of them")
