"""That the benchmarks run, in the smallest size. How fast anything is, no test asserts."""

import subprocess
import sys

from tests.support.site import ROOT


def run(*words: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_tiny_run_of_the_delivery_benchmark_loses_nothing():
    printed = run("delivery", "--rounds", "1", "--sockets", "10", "--servers", "lessy", "--seconds", "1")
    assert "storm_refused=0" in printed
    assert "lost=0" in printed
    assert "| delivery_us |" in printed


def test_a_tiny_run_of_bare_sends_says_what_they_cost():
    printed = run("generator", "--rounds", "1", "--sockets", "10")
    assert "null at 10: delivery_us=" in printed
