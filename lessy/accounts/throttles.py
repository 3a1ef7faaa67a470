"""What is counted of log-in, registration and mails: by the client's address and by the account aimed at."""

from typing import Any, cast

from rest_framework.request import Request

from lessy.accounts.services import find_by_name
from lessy.api.parameters import text
from lessy.api.throttles import ByAddress, Throttle, address_of, seconds_to_wait


class LogInByAddress(ByAddress):
    scope = "login_address"


class LogInByAccount(Throttle):
    scope = "login_account"

    def who(self, request: Request) -> str:
        return _account(text(_body(request).get("username")))


class RegistrationByAddress(ByAddress):
    scope = "registration_address"


class MailByAddress(ByAddress):
    scope = "mail_address"


class ByEmail(Throttle):
    def who(self, request: Request) -> str | None:
        user = _body(request).get("user", request.data)
        return text(user.get("email")).lower() or None if isinstance(user, dict) else None


class RegistrationByAccount(ByEmail):
    scope = "registration_account"


class MailByAccount(ByEmail):
    scope = "mail_account"


LOG_IN = (LogInByAddress, LogInByAccount)
REGISTRATION = (RegistrationByAddress, RegistrationByAccount)
MAIL = (MailByAddress, MailByAccount)


def may_log_in(request: Any, name: str) -> bool:
    """For doors that are not the API's; they share its counters."""
    by_address = seconds_to_wait(LogInByAddress.scope, address_of(request))
    by_account = seconds_to_wait(LogInByAccount.scope, _account(name))
    return by_address is None and by_account is None


def _body(request: Request) -> dict[str, Any]:
    return cast(dict[str, Any], request.data)


def _account(name: str) -> str:
    """One count for the user name and the address of a user."""
    user = find_by_name(name)
    return f"user {user.pk}" if user else f"nobody {name.lower()}"
