"""A server whose replays block until the test releases them (the hook held_history)."""

from pathlib import Path

from tests.support.site import Server, Site
from tests.support.waiting import eventually


class HeldHistory:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "hold").touch()

    def serve(self, site: Site, drain: float = 1) -> Server:
        return site.serve(
            ["serve", "--bind", "127.0.0.1:{port}", "--drain", str(drain)],
            DJANGO_SETTINGS_MODULE="tests.support.hooks.settings",
            LESSY_TEST_HOOK="held_history",
            LESSY_TEST_FOLDER=str(self._folder),
            # So that only the test ends the wait.
            CABLE_READ_TIMEOUT="3600",
        )

    def wait_until_held(self, replays: int = 1) -> None:
        eventually(
            lambda: len(list(self._folder.glob("held-*"))) >= replays, 60, f"the wait of {replays} replays"
        )

    def release(self) -> None:
        (self._folder / "hold").unlink()
