"""
Django's error pages and mails of errors, without the tokens that variables and requests hold.

Its own filter knows settings, headers and parameters by name; a variable may have any, and so may a cookie.
"""

import re

from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

# A JWT, also one that was cut off where a value was too long to show.
_TOKEN = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,2}")
HIDDEN = "********"


def without_tokens(text: SafeString) -> SafeString:
    """A token has no character that HTML would have to escape."""
    return SafeString(_TOKEN.sub(HIDDEN, text))


class TokenlessReporter(ExceptionReporter):
    def get_traceback_html(self) -> SafeString:
        return without_tokens(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return without_tokens(super().get_traceback_text())
