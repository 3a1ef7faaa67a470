from django.apps import AppConfig


class WebConfig(AppConfig):
    """The start page: a small client of the API and the cable, used if LESSY_CLIENT_DIR is not set."""

    name = "lessy.web"
