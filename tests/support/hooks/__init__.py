"""Fault injection into a server process, selected by the environment variable LESSY_TEST_HOOK."""
