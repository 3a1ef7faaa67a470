"""
Django's error pages and error mails, with the tokens in variables and requests masked.

Django's own filter recognises settings, headers and parameters by name, but a variable or a cookie that holds
a token may have any name.
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
    """Also masks variables by their names and, inside dicts, by their keys: password, token and so on."""

    def get_traceback_frame_variables(self, request: HttpRequest, tb_frame: FrameType) -> Any:
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleanse_setting(name, value)) for name, value in found]
