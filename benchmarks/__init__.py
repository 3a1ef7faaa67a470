"""
How fast the cable is, beside what else there is. `make bench` runs it; docs/benchmarks/ has results.

Figures are ratios between servers measured in one run, alternating, in rounds; CPU and memory are the
operating system's, for the whole process tree of a server. All do the same work for the same clients:

    load.py (its own process) ──── sockets ───▶ server under test ◀──── Redis ◀──── load.py or changes.py
"""
