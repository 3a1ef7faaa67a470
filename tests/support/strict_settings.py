"""A handshake without an Origin header is refused, as in Rails."""

from lessy.settings import *  # noqa: F403

CABLE = {**CABLE, "REQUIRE_ORIGIN": True}  # noqa: F405
