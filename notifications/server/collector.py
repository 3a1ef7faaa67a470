"""
When Python's garbage collector looks through everything that lives.

By itself it does so whenever a quarter has been added: in a storm of 4,000 sockets seven times, and each time
all of them stand still, for up to 0.3 s.
"""

import gc


def spare_long_lived_objects() -> None:
    """
    What the boot made is there for good and is left out; the rest has its turn after a million new objects.
    Sockets end without it, by their last reference.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000, 10, 100)
