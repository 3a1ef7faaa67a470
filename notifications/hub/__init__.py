"""Who hears: the sockets of one process, and what it owes them."""
