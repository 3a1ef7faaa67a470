import re

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, User

LONGEST_HEADER = tokens.LONGEST + 64  # characters: a token, the word before it and blanks


def bare_token(header: str) -> str:
    """Of "Bearer abc", "token abc" and "abc": abc. Of what is too long for a token: nothing."""
    if len(header) > LONGEST_HEADER:
        return ""
    return re.sub(r"^(bearer|token)\s+", "", header.strip(), flags=re.IGNORECASE)


class TokenAuthentication(BaseAuthentication):
    """A token that is not valid leaves the request anonymous: what needs nobody must still answer."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        header = request.headers.get("Authorization", "")
        token = tokens.verify(bare_token(header)) if header else None
        return (token.user, token) if token else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
