"""As Rails: a handshake without Origin is refused."""

from lessy.settings import *  # noqa: F403

CABLE = {**CABLE, "REQUIRE_ORIGIN": True}  # noqa: F405
