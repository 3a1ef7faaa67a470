from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "lessy.accounts"
    label = "accounts"
