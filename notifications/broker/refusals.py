"""
What an operator has to look at when the broker does not do as asked: it is away, or it refuses us. A user of
Redis 7 may publish nowhere until he is told where (acl-pubsub-default): to him Redis would seem to be dead.
"""

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from .layers import broker_name, is_on_postgres, transport_failed

CHANNELS = "ACL SETUSER NAME &*"


def describe(failure: BaseException) -> str:
    """A sentence without a full stop. Neither Redis nor PostgreSQL tells a password, nor do their drivers."""
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
