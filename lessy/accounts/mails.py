"""The mails to users: plain text, sent after the commit of the transaction that causes them."""

from collections.abc import Callable

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from lessy.accounts import mail_tokens
from lessy.accounts.models import User

ACTIVATION_NEEDED = """Welcome to Lessy!

One step is left: choose your user name and password at

{root}/users/{token}/activate

If you did not ask for an account, ignore this mail.
"""

ACTIVATION_DONE = """Welcome to Lessy, {username}!

Your account is activated. Your tasks wait for you at

{root}
"""

RESET = """Somebody, hopefully you, asked for a new password of your Lessy account. Choose it at

{root}/password/{token}/new

If it was not you, ignore this mail: your password stays as it is.
"""


def send_activation_needed(user: User) -> None:
    _send(user, "Activate your account", ACTIVATION_NEEDED, token=mail_tokens.activation_token(user))


def send_activation_done(user: User) -> None:
    _send(user, "Your account is activated", ACTIVATION_DONE, username=user.username)


def send_password_reset(user: User) -> None:
    mail = User.objects.filter(pk=user.pk, reset_sent_at=user.reset_sent_at)

    def forget() -> None:
        """Else request_reset would send no mail for five minutes. A later request's token is kept."""
        mail.update(reset_token=None, reset_sent_at=None)

    _send(user, "Choose a new password", RESET, unsent=forget, token=mail_tokens.reset_token(user))


def _send(
    user: User, subject: str, body: str, *, unsent: Callable[[], object] | None = None, **fields: str | None
) -> None:
    """
    A mail that cannot be sent is logged and does not fail the request: the user can ask for it again.

    unsent: called if the mail cannot be sent.
    """
    text = body.format(root=settings.LESSY_ROOT_URL, **fields)

    def send() -> None:
        try:
            send_mail(f"[Lessy] {subject}", text, settings.DEFAULT_FROM_EMAIL, [user.email])
        except Exception:
            if unsent is not None:
                unsent()
            raise

    transaction.on_commit(send, robust=True)
