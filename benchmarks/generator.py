"""
Proof that the load generator is not the bottleneck: what it takes from a server that does next to nothing.
"""

import sys

from benchmarks.contenders import ROOT
from benchmarks.installation import Installation
from benchmarks.session import Figures, Generator
from tests.support.processes import Child, free_port


def measure(installation: Installation, sockets: int = 500, seconds: float = 5) -> Figures:
    port = free_port()
    child = Child([sys.executable, "-m", "benchmarks.servers.null", str(port)], cwd=ROOT)
    load = Generator()
    try:
        child.wait_until_it_answers(port)
        people = str(installation.people)
        load("connect", port=port, people=people, sockets=sockets, seconds=30)
        answer = load("blast", seconds=seconds)
    finally:
        load.close()
        child.stop()
    return {"frames_per_second": answer["per_second"], "generator_us": answer["microseconds"]}
