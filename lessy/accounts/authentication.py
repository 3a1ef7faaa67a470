import re

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, User

LONGEST_HEADER = tokens.LONGEST + 64  # characters: a token, the scheme before it and spaces


def bare_token(header: str) -> str:
    """Returns "abc" for "Bearer abc", "token abc" and "abc"; an empty text if it is too long for a token."""
    if len(header) > LONGEST_HEADER:
        return ""
    return re.sub(r"^(bearer|token)\s+", "", header.strip(), flags=re.IGNORECASE)


class TokenAuthentication(BaseAuthentication):
    """With an invalid token the request is anonymous, so that endpoints without authentication still work."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        header = request.headers.get("Authorization", "")
        token = tokens.verify(bare_token(header)) if header else None
        return (token.user, token) if token else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
