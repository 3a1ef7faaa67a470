"""
When Python's garbage collector makes a full collection.

By default it does so whenever the long-lived objects have grown by a quarter: seven times in a storm of 4,000
sockets, and each time all sockets wait for up to 0.3 s.
"""

import gc


def spare_long_lived_objects() -> None:
    """
    Objects made at boot live as long as the process, and are excluded (gc.freeze). The others are collected
    after a million new objects. Sockets do not need the collector: reference counting frees them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000, 10, 100)
