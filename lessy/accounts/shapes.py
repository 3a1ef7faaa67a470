"""Users and terms as the API shows them; the renderer makes the keys camelCase."""

from typing import Any

from lessy.accounts.models import TermsOfService, User

Shape = dict[str, Any]
PROFILE = ("username", "email", "time_zone")


def user_shape(user: User, only: tuple[str, ...] = ()) -> Shape:
    terms = TermsOfService.objects.current()
    attributes = {
        "username": user.username,
        "email": user.email,
        "admin": user.is_staff,
        "time_zone": user.time_zone,
        "has_accepted_tos": terms is None or user.accepted_terms_id == terms.pk,
    }
    shown = {name: attributes[name] for name in only} or attributes
    return {"id": user.pk, "type": "user", "attributes": shown}


def terms_shape(terms: TermsOfService) -> Shape:
    attributes = {
        "content": terms.content,
        "version": terms.version,
        "effective_at": int(terms.effective_at.timestamp()),
    }
    return {"id": terms.pk, "type": "terms_of_service", "attributes": attributes}


def feature_shape(name: str) -> Shape:
    return {"id": name, "type": "feature"}
