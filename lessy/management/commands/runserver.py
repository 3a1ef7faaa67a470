"""
daphne's runserver, changed to exit with status 1 if it cannot listen. daphne's own runs on without a listener
(under the reloader), or exits with status 0.
"""

import os
from typing import Any

from daphne.management.commands.runserver import Command as DaphneRunserver
from daphne.server import Server as DaphneServer
from django.core.management.base import CommandError
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from notifications.server.ports import reason, why_not


class Server(DaphneServer):
    def listen_error(self, failure: Any) -> None:
        """os._exit(), as in Django's runserver: an exception would end only the reloader's thread."""
        cause = getattr(failure.value, "socketError", failure.value)
        os.write(2, f"CommandError: cannot listen: {reason(cause)}\n".encode())
        os._exit(1)


class Command(DaphneRunserver):
    server_cls = Server

    def run(self, **options: Any) -> None:
        # Checked before anything is printed; but not again in the reloaded process, whose port is our own.
        if os.environ.get(DJANGO_AUTORELOAD_ENV) != "true":
            self._require_port(self.addr, int(self.port))
        super().run(**options)

    def _require_port(self, host: str, port: int) -> None:
        if not 0 <= port < 65536:
            raise CommandError(f"port {port}: expected a number from 1 to 65535")
        if hindrance := why_not(host, port):
            raise CommandError(
                f"cannot listen on {host}:{port}: {hindrance}. Another port: manage.py runserver PORT"
            )
