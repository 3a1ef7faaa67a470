"""
Sockets end at once with the right that let them in: a session that is signed out, a token that is deleted.

The message is sent through Redis, and may be lost; then the reconcile finds the end of the right.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.module_loading import import_string

from ..broker.publisher import publish_disconnect, publisher
from ..conf import cable_settings
from ..ground.watching import Receiver
from ..handshake.authentication import SessionAuthenticator
from ..handshake.drf import TokenAuthenticator

logger = logging.getLogger(__name__)


def _end(user_id: Any, key: str, using: str | None = None) -> None:
    """After the commit: before it, a client that reconnects at once would be admitted again."""

    def tell() -> None:
        from .orders import tell_own_hubs  # this imports the hub

        with publisher.uninterrupted():
            try:
                tell_own_hubs(publish_disconnect(user_id, keys=[key]))
            except Exception:
                logger.exception("could not end the sockets of user %s; the next reconcile will", user_id)

    transaction.on_commit(tell, using=using)


@receiver(user_logged_out, dispatch_uid="sync_cable.end_session")
def end_session(request: Any, user: Any, **_: Any) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if user is not None and key and _admits_by(SessionAuthenticator):
        _end(user.pk, key)


def end_token(instance: Any, using: str, **_: Any) -> None:
    """Receiver of post_delete of the tokens' model."""
    _end(instance.user_id, instance.key, using)


def _configured() -> Any:
    """The class of settings.CABLE["AUTHENTICATOR"]; None if there is none, which the system checks report."""
    with contextlib.suppress(ImproperlyConfigured, ImportError, TypeError):
        return import_string(cable_settings().authenticator)
    return None


def _admits_by(kind: type) -> bool:
    found = _configured()
    return isinstance(found, type) and issubclass(found, kind)


def receivers() -> Iterator[Receiver]:
    """For the tokens' model, if the authenticator uses it."""
    if not _admits_by(TokenAuthenticator):
        return
    with contextlib.suppress(ImportError):
        for model in _with_proxies(_configured().model()):
            yield Receiver(post_delete, model, end_token, "end_token")


def _with_proxies(wanted: type[Model]) -> list[type[Model]]:
    """A proxy sends its own signals: the admin of DRF's tokens deletes by a proxy."""
    return [model for model in apps.get_models() if model._meta.concrete_model is wanted]
