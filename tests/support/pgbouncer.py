"""A real PgBouncer in front of a PostgreSQL of the tests, by default in transaction mode."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import UNPRIVILEGED, PostgresServer, as_unprivileged
from tests.support.processes import Child, free_port

# Fewer server connections than clients, as in production: each transaction may use another connection.
POOL_SIZE = 2
CONFIGURATION = """
[databases]
postgres = host=127.0.0.1 port={server} user=lessy

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pgbouncer(server: PostgresServer, mode: str = "transaction") -> Iterator[str]:
    """Yields the URL of the database through PgBouncer."""
    with tempfile.TemporaryDirectory(prefix="lessy-pgbouncer-") as folder:
        port = free_port()
        path = Path(folder, "pgbouncer.ini")
        path.write_text(CONFIGURATION.format(server=server.port, port=port, pool=POOL_SIZE, mode=mode))
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
            shutil.chown(path, UNPRIVILEGED)
        binary = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or "pgbouncer"
        child = Child([*as_unprivileged(), binary, str(path)], cwd=Path("/"))
        child.wait_until_it_answers(port)
        try:
            yield f"postgres://lessy@127.0.0.1:{port}/postgres"
        finally:
            child.stop()
