"""Make the tables and a user, and print the headers by which she connects, as JSON."""

import json
import sys

import django
from django.conf import settings

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

own = [app.rpartition(".")[2] for app in settings.INSTALLED_APPS if app.startswith("house.")]
if (settings.BASE / "notifications").is_dir():
    own.append("notifications")
call_command("makemigrations", *own, verbosity=0)
call_command("migrate", verbosity=0)
laura = get_user_model().objects.create_user("laura", password="fire walk with me")
if settings.KIND == "tokens":
    from rest_framework.authtoken.models import Token

    headers = {"Authorization": f"Token {Token.objects.create(user=laura).key}"}
else:
    client = Client()
    client.force_login(laura)
    headers = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
json.dump(headers, sys.stdout)
