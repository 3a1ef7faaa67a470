"""
The parts of the fault tests: clients that behave as real ones do (clients.py), a writer that changes rows
through the API (writer.py), a network that can be broken (proxy.py), and the assertions (checker.py). All run
in one event loop in a separate thread (world.py).
"""
