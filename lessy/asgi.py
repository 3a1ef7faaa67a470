"""
The ASGI application: Django serves HTTP; the cable serves WebSockets and Server-Sent Events.
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")

# Django must be set up before anything imports models.
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from notifications.conf import server_settings  # noqa: E402
from notifications.routing import cable_application, cable_events  # noqa: E402
from notifications.server.threads import BoundedRequests  # noqa: E402

requests = BoundedRequests(
    django_application,
    threads=server_settings().request_threads,
    waiting=server_settings().request_queue,
)
application = ProtocolTypeRouter({"http": cable_events(requests), "websocket": cable_application()})
