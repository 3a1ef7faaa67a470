"""The server process: daphne's own Server, with what daphne's command line lacks."""
