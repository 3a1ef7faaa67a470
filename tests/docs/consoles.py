"""What a page in a real browser writes to its console."""

import json
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page


class Console:
    """said: every line of it so far."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))

    def objects(self) -> list[Any]:
        """Those lines that are JSON objects."""
        return [json.loads(text) for text in self.said if text.startswith("{")]

    def wait_for(self, look: Callable[[], object], seconds: float = 30) -> None:
        """Until look() is true; as eventually(), but the page's loop must run for anything to be said."""
        deadline = time.monotonic() + seconds
        while not look():
            assert time.monotonic() < deadline, self.said
            self.page.wait_for_timeout(20)
