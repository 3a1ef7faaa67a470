from typing import Any

from lessy.accounts.models import TermsOfService, User


def user_shape(user: User) -> dict[str, Any]:
    terms = TermsOfService.objects.current()
    attributes = {
        "username": user.username,
        "email": user.email,
        "admin": user.is_staff,
        "time_zone": user.time_zone,
        "has_accepted_tos": terms is None or user.accepted_terms_id == terms.pk,
    }
    return {"id": user.pk, "type": "user", "attributes": attributes}
