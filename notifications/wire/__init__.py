"""What a frame is. Pure: no Django, no Channels, no I/O."""
