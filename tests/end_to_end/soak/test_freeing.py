"""What a socket had is freed when it ends; nobody stands still while the garbage collector looks for more."""

from tests.end_to_end.soak.test_churn import cycle
from tests.support.waiting import eventually

CLEAN, ABRUPT = 2, 10


def reporting(site, hook):
    return site.serve(DJANGO_SETTINGS_MODULE="tests.support.hooks.settings", LESSY_TEST_HOOK=hook)


def test_an_ended_socket_does_not_wait_for_the_garbage_collector(site):
    server = reporting(site, "report_unfreed")
    person = site.new_person()
    for number in (CLEAN, ABRUPT) * 10:
        cycle(server, person, number)
    eventually(lambda: server.report()["unfreed"] == 0, 20, "the end of all of them")


def test_the_collector_leaves_out_the_boot_and_rarely_looks_through_the_rest(site):
    server = reporting(site, "report_collector")
    before, after = server.report(), server.report()
    assert after["full"] - before["full"] <= 1
    assert after["frozen"] > 50_000
