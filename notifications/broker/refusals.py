"""
Describes a failure of the broker to an operator: it is down, or it refuses us. By default a user of Redis 7
may not use any channel (acl-pubsub-default), which would look like a dead Redis.
"""

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from .layers import broker_name, is_on_postgres, transport_failed

CHANNELS = "ACL SETUSER NAME &*"


def describe(failure: BaseException) -> str:
    """
    A sentence without a full stop. The messages of Redis, PostgreSQL and their drivers contain no password.
    """
    said = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
    if is_on_postgres() and not transport_failed(failure):
        return f"PostgreSQL refuses: {said}"
    if isinstance(failure, NoPermissionError):
        return f"Redis refuses this user a command or channel ({CHANNELS} permits all channels): {said}"
    if isinstance(failure, AuthenticationError) or _is_about_authentication(failure):
        return f"Redis refuses this user or password: {said}"
    if isinstance(failure, ResponseError):
        return f"Redis refuses: {said}"
    return f"{broker_name()} does not answer: {said}"


def _is_about_authentication(failure: BaseException) -> bool:
    return isinstance(failure, ResponseError) and str(failure).startswith(("NOAUTH", "WRONGPASS"))
