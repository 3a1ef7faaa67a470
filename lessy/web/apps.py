from django.apps import AppConfig


class WebConfig(AppConfig):
    """The start page: a small client of the API and of the cable, where no client is built in."""

    name = "lessy.web"
