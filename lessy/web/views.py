import base64
import hashlib
import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lessy.accounts import demo
from lessy.web.libraries import INSTALL, import_map, missing_libraries


@require_safe
@never_cache
def start_page(request: HttpRequest) -> HttpResponse:
    imports = json.dumps(import_map())
    context = {
        "import_map": imports,
        "missing": missing_libraries(),
        "install": INSTALL,
        "demo": demo.login() if settings.DEBUG else None,
        "debug": settings.DEBUG,
    }
    response = render(request, "web/start.html", context)
    response["Content-Security-Policy"] = _policy(imports)
    return response


def _policy(imports: str) -> str:
    """Only own resources, and nothing inline except the import map, which browsers only accept inline."""
    digest = base64.b64encode(hashlib.sha256(imports.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'sha256-{digest}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
