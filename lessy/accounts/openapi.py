"""The OpenAPI description of the accounts' endpoints."""

from drf_spectacular.utils import OpenApiParameter

from lessy.api.openapi import (
    FLAG,
    NUMBER,
    TERMS,
    TEXT,
    TEXT_OR_NULL,
    TOKEN,
    Schema,
    given,
    many,
    one,
    operation,
    record,
    ref,
    resource,
    wrapped,
)

NAME_RULES = ("invalid", "too_long", "exclusion", "taken")
EMAIL_RULES = ("blank", "invalid", "too_long", "taken")
META = record(token=TEXT)
WITH_TOKEN = record(data=ref("User"), meta=META)

COMPONENTS: dict[str, Schema] = {
    "User": resource(
        "user",
        record(username=TEXT_OR_NULL, email=TEXT, admin=FLAG, timeZone=TEXT, hasAcceptedTos=FLAG),
    ),
    "Profile": resource("user", record(username=TEXT_OR_NULL, email=TEXT, timeZone=TEXT)),
    "Acceptance": resource("user", record(hasAcceptedTos=FLAG)),
    "Feature": record(id=TEXT, type={"const": "feature"}),
    "TermsOfService": resource(
        "terms_of_service",
        record(
            content=TEXT | {"description": "HTML"},
            version=TEXT,
            effectiveAt=NUMBER | {"description": "Seconds since the epoch."},
        ),
    ),
}

ROOT = operation(
    "What the server offers",
    success={200: record(["tosVersion"], registrationDisabled=FLAG, tosVersion=TEXT)},
)
CURRENT_TERMS = operation("The terms in force", success={200: one("TermsOfService"), 204: None})
REGISTER = operation(
    "Register: a pending user, a mail, a token for a day",
    body=wrapped("user", given("email", email=TEXT)),
    success={201: WITH_TOKEN},
    errors=("registration_disabled", "parameter_missing", *EMAIL_RULES, "too_many_requests"),
)
LOG_IN = operation(
    "Log in, for a month; or for sudo, a quarter of an hour",
    body=given("username", "password", username=TEXT, password=TEXT, sudo=FLAG),
    success={200: WITH_TOKEN},
    errors=("login_failed", "too_many_requests"),
)
# LOG_IN does not list `unauthorized`: wrong credentials are a 401 too, but a login needs no token.
LOG_OUT = operation(
    "Sign out: revoke the token of the request, or all",
    success={204: None},
    errors=TOKEN,
    parameters=[OpenApiParameter("all", bool, description="true: all tokens of the user")],
)
ACTIVATE = operation(
    "Activate, with the token of a mail",
    body=given("token", "user", token=TEXT, user=given("username", "password", username=TEXT, password=TEXT)),
    success={200: WITH_TOKEN},
    errors=("record_not_found", "parameter_missing", *NAME_RULES, "too_many_requests"),
)
_EMAIL = given("user", user=given("email", email=TEXT))
RESEND_ACTIVATION = operation(
    "Ask for the activation mail again",
    body=_EMAIL,
    success={204: None},
    errors=("record_not_found", "parameter_missing", "too_many_requests"),
)
ASK_FOR_RESET = operation(
    "Ask for a mail that resets the password",
    body=_EMAIL,
    success={204: None},
    errors=("user_inactive", "record_not_found", "parameter_missing", "too_many_requests"),
)
SET_PASSWORD = operation(
    "Set a password: with the token of a mail, or with sudo and no token",
    body=given("user", token=TEXT_OR_NULL, user=given("password", password=TEXT)),
    success={200: record(["meta"], data=ref("User"), meta=META)},
    errors=(
        *(*TERMS, "sudo_required", "user_inactive", "record_not_found", "parameter_missing"),
        "too_long",
    ),
)
ME = operation("Who I am", success={200: one("User")}, errors=TOKEN)
CHANGE_PROFILE = operation(
    "Change the profile; what is null stays",
    body=wrapped("user", given(email=TEXT_OR_NULL, username=TEXT_OR_NULL, timeZone=TEXT_OR_NULL)),
    success={200: one("Profile")},
    errors=(*TERMS, "user_inactive", "parameter_missing", "blank", *NAME_RULES),
)
DELETE_ME = operation(
    "Delete the account, with sudo if it is activated", success={204: None}, errors=(*TOKEN, "sudo_required")
)
ACCEPT_TERMS = operation("Accept the terms in force", success={200: one("Acceptance")}, errors=TOKEN)
FEATURES = operation(
    "The feature flags that are on for the user", success={200: many("Feature")}, errors=TOKEN
)
