"""
Django's error pages and mails of errors, without the tokens that variables and requests hold.

Its own filter knows settings, headers and parameters by name; a variable may have any, and so may a cookie.
"""

from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from lessy.ground.masking import without_secrets


class TokenlessReporter(ExceptionReporter):
    def get_traceback_html(self) -> SafeString:
        return SafeString(without_secrets(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(without_secrets(super().get_traceback_text()))


class SecretVariables(SafeExceptionReporterFilter):
    """Also of variables, by their names and, within objects, by their keys: password, token and so on."""

    def get_traceback_frame_variables(self, request: HttpRequest, tb_frame: FrameType) -> Any:
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleanse_setting(name, value)) for name, value in found]
