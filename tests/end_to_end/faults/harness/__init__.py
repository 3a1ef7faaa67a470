"""
What the fault tests are made of: clients that behave as real ones do (fleet.py), somebody who changes things
through the API (writer.py), a network to break (proxy.py), and what is asked of them all afterwards
(checker.py). All of it runs on one loop of its own thread (world.py).
"""
