"""The process that serves it: daphne's own server, with what its command line lacks."""
