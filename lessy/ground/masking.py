"""
What no log line and no error page may show: tokens, those in the links of mails too, which are good until
they are used. Pure.
"""

import re

HIDDEN = "********"

_SECRETS = re.compile(
    "|".join(
        [
            # A JWT, also one that was cut off where a value was too long to show.
            r"eyJ[\w-]{8,}(?:\.[\w-]*){0,2}",
            # Paths of mails: /password/TOKEN/new, /users/TOKEN/activate, and whatever is left of them.
            r"(?<=/password/)[^\s/?#\"'<>&]+(?=/new)",
            r"(?<=/users/)[^\s/?#\"'<>&]+(?=/activate)",
            r"(?:(?<=/password/)|(?<=/users/))[\w%-]{20,}",
        ]
    )
)


def without_secrets(text: str) -> str:
    """A token has no character that HTML or JSON would have to escape."""
    return _SECRETS.sub(HIDDEN, text)
