"""Messages between processes: the channel layer, its groups and events, and the publisher."""
