"""
Masks tokens in log lines and error pages, including those in mailed links, which are valid until they are
used or expire. Pure.
"""

import re

HIDDEN = "********"

_SECRETS = re.compile(
    "|".join(
        [
            # A JWT, also a truncated one.
            r"eyJ[\w-]{8,}(?:\.[\w-]*){0,2}",
            # Paths of mailed links: /password/TOKEN/new, /users/TOKEN/activate, and truncated forms of them.
            r"(?<=/password/)[^\s/?#\"'<>&]+(?=/new)",
            r"(?<=/users/)[^\s/?#\"'<>&]+(?=/activate)",
            r"(?:(?<=/password/)|(?<=/users/))[\w%-]{20,}",
        ]
    )
)


def without_secrets(text: str) -> str:
    """Works on HTML and JSON too: no character of a token is escaped there."""
    return _SECRETS.sub(HIDDEN, text)
