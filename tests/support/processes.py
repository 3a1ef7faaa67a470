"""Child processes of tests, which are ended by their process ids."""

import os
import signal
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.waiting import eventually


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Child:
    """Its output goes to a file, which is shown if the start fails, and deleted with this object."""

    def __init__(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        descriptor, name = tempfile.mkstemp(prefix="lessy-", suffix=".log")
        self._log = Path(name)
        weakref.finalize(self, self._log.unlink, missing_ok=True)
        with open(descriptor, "wb") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                env=None if env is None else dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_until_it_answers(self, port: int, seconds: float = 60) -> None:
        def up() -> bool:
            assert self.running, f"ended with {self.process.returncode}:\n{self.log[-4000:]}"
            return answers(port)

        try:
            eventually(up, seconds, "the start of a server")
        except AssertionError:
            self.kill()
            raise

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def stop(self, seconds: float = 15) -> int:
        """SIGTERM, and SIGKILL if the process does not end in time. Returns the exit status."""
        if self.running:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        if self.running:
            self.process.kill()
        return self.process.wait()


class Footprint:
    """Memory and open files of a running process, as the kernel counts them."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def reset_peak(self) -> None:
        (self._proc / "clear_refs").write_text("5")

    @property
    def peak_bytes(self) -> int:
        return self._kilobytes("VmHWM") * 1024

    @property
    def resident_bytes(self) -> int:
        return self._kilobytes("VmRSS") * 1024

    @property
    def files(self) -> int:
        return len(list((self._proc / "fd").iterdir()))

    def _kilobytes(self, name: str) -> int:
        [line] = [line for line in (self._proc / "status").read_text().splitlines() if line.startswith(name)]
        return int(line.split()[1])
