from django.core.asgi import get_asgi_application

application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402
from sync_cable.routing import cable_application  # noqa: E402

application = ProtocolTypeRouter({"http": application, "websocket": cable_application()})
