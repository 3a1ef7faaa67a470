"""Faults that a test asks a server process for, by the environment variable LESSY_TEST_HOOK."""
