"""
Benchmarks of the cable and of comparable servers. `make bench` runs them; docs/benchmarks/ has the results.

The servers of a run are measured alternately, in rounds, and compared by ratios. CPU and memory are those
that the operating system counts for the whole process tree of a server. All servers do the same work for the
same clients:

    load.py (its own process) ──── sockets ───▶ server under test ◀──── Redis ◀──── load.py or changes.py
"""
