"""The proxies of docs/deployment.md, of the system, configured as the page says; ports and paths aside."""

import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from notifications.client.websocket import connect
from tests.docs.pages import block
from tests.support.cable import CableSocket
from tests.support.certificates import new_certificate
from tests.support.processes import Child, free_port
from tests.support.required import missing
from tests.support.waiting import eventually

PAGE = "docs/deployment.md"
HOST = "lessy.example"
PORTS = ("8001", "8002")

NGINX = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
access_log off;
{http}
}}
"""
# Of an authority of its own: the real one is not asked for what nobody owns.
CADDY = """
{{
    admin off
    local_certs
    skip_install_trust
    auto_https disable_redirects
    https_port {port}
}}
{block}
"""


class Proxy:
    """authority: the file with the certificates that its own is signed with."""

    def __init__(self, child: Child, port: int, authority: Path) -> None:
        self.child = child
        self.port = port
        self.context = self._context = ssl.create_default_context(cafile=str(authority))

    def has_a_certificate(self) -> bool:
        try:
            self.get("/health/live")
        except httpx.ConnectError:
            return False
        return True

    def get(self, path: str) -> httpx.Response:
        """As if the port were 443."""
        with httpx.Client(verify=self._context, timeout=30) as client:
            return client.get(
                f"https://127.0.0.1:{self.port}{path}",
                headers={"Host": HOST},
                extensions={"sni_hostname": HOST},
            )

    def connect(self, **options: Any) -> CableSocket:
        """By a page of the site. Options: of CableSocket."""
        return NamedSocket(self.port, self._context, origin=f"https://{HOST}", **options)


class NamedSocket(CableSocket):
    """Under the name that the site answers to, whatever listens there; in plain text without a context."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, **options: Any) -> None:
        self._port, self._context = port, context
        super().__init__(f"{'wss' if context else 'ws'}://{HOST}/cable", **options)

    def _connect(  # type: ignore[override]
        self, url: str, headers: Mapping[str, str], origin: str | None, subprotocols: Sequence[str]
    ) -> Any:
        return connect(
            url,
            sock=socket.create_connection(("127.0.0.1", self._port)),
            ssl=self._context,
            additional_headers=headers,
            origin=origin,
            subprotocols=list(subprotocols),
            open_timeout=30,
            proxy=None,
        )


def for_servers(text: str, ports: Sequence[int]) -> str:
    for of_the_page, here in zip(PORTS, ports, strict=True):
        assert of_the_page in text
        text = text.replace(f":{of_the_page}", f":{here}")
    return text


@contextmanager
def nginx(folder: Path, servers: Sequence[int], more: str = "") -> Iterator[Proxy]:
    """more: directives of the site's server block."""
    port = free_port()
    certificate = new_certificate(folder, HOST)
    text = for_servers(block(PAGE, "nginx").text, servers)
    text = text.replace("listen 443", f"{more} listen 127.0.0.1:{port}")
    text = text.replace(f"/etc/letsencrypt/live/{HOST}", str(folder))
    yield from running(start_nginx(folder, text), port, certificate)


def start_nginx(folder: Path, http: str) -> Child:
    """http: what stands in its block of that name."""
    program = shutil.which("nginx") or missing("nginx")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, http=http))
    return Child([program, "-c", folder / "nginx.conf"])


@contextmanager
def caddy(folder: Path, servers: Sequence[int], more: str = "") -> Iterator[Proxy]:
    """more: directives of the site's block."""
    program = shutil.which("caddy") or missing("caddy")
    port = free_port()
    text = for_servers(block(PAGE, "caddy").text, servers).replace("{\n", f"{{\n{more}", 1)
    (folder / "Caddyfile").write_text(CADDY.format(port=port, block=text))
    child = Child(
        [program, "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"],
        env={"HOME": str(folder), "XDG_DATA_HOME": str(folder)},
    )
    yield from running(child, port, folder / "caddy/pki/authorities/local/root.crt")


def running(child: Child, port: int, authority: Path) -> Iterator[Proxy]:
    try:
        child.wait_until_it_answers(port)
        # Caddy listens before its authority has signed anything.
        eventually(authority.exists, 30, "the authority")
        proxy = Proxy(child, port, authority)
        eventually(proxy.has_a_certificate, 30, "the certificate")
        yield proxy
    finally:
        child.stop()
