"""The hub: the sockets of one process, and what must be delivered to them."""
