"""A site below a prefix, as a proxy or daphne's --root-path has it."""

import sys

from tests.support.cable import CableSocket


def test_e2_the_cable_of_a_site_below_a_prefix_answers_there(site, cooper):
    command = ["daphne", "--root-path", "/app", "-p", "{port}", "lessy.asgi:application"]
    server = site.serve(command, program=[sys.executable, "-m"])
    assert server.request("GET", "/app/health/live").status_code == 200
    url = server.cable_url.replace("/cable", "/app/cable")
    with CableSocket(url, token=cooper.token) as socket:
        socket.subscribe()
    server.stop()
