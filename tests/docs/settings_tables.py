"""
The tables of settings in the documentation, made from the comments in notifications/conf.py.

    python -m tests.docs.settings_tables

writes them between the markers of each page; test_settings_tables.py compares.
"""

import json
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any

from notifications.conf import CableSettings, ServerSettings
from tests.support.site import ROOT

CONF = ROOT / "notifications/conf.py"
# In this project these have no variable, or another one (lessy/settings.py).
WITHOUT_VARIABLE = {
    *("resources", "channels", "authenticator", "channel_layer", "trusted_proxies", "server"),
    *("operators_paths", "name", "error_body"),
}
OTHER_VARIABLES = {"drain_seconds": "CABLE_DRAIN_SECONDS"}
# As an environment writes the values that Python writes otherwise.
AS_TEXT = {'""': "–", "[]": "–", "False": "`off`", "True": "`on`"}

_FIELD = re.compile(r"((?:^    #.*\n)+)^    (\w+): ", re.MULTILINE)
_LINK = re.compile(r"\bdocs/([\w-]+)\.md(?:#([\w-]+))?")


def descriptions(kind: type) -> dict[str, str]:
    """Field -> the comment above it, in one line."""
    body = CONF.read_text().partition(f"class {kind.__name__}:\n")[2].partition("\n\n\n")[0]
    found = _FIELD.findall(body)
    return {name: " ".join(re.sub(r"^ *# ?", "", text, flags=re.MULTILINE).split()) for text, name in found}


def default_of(entry: Field[Any], description: str) -> str:
    if entry.default_factory is not MISSING:
        return "`{}`"
    if isinstance(entry.default, bool):
        return f"`{entry.default}`"
    if isinstance(entry.default, (int, float)):
        return f"{entry.default:.10g}{' s' if description.startswith('Seconds') else ''}"
    # A page shows the app as the wheel installs it.
    return f"`{json.dumps(entry.default)}`".replace('"notifications.', '"sync_cable.')


def heading(page: str, anchor: str) -> str:
    """The heading that has this anchor; without one, the title of the page."""
    lines = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("#")]
    found = {re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-"): line for line in lines}
    return (found[anchor] if anchor else lines[0]).lstrip("# ")


def linked(page: str, text: str) -> str:
    """docs/readers.md#for-everybody becomes a link, as seen from this page."""

    def link(match: re.Match[str]) -> str:
        file = "" if page == f"docs/{match[1]}.md" else f"{match[1]}.md"
        title = heading(f"docs/{match[1]}.md", match[2] or "")
        return f"[{title}]({file}#{match[2]})" if match[2] else f"[{title}]({file})"

    return _LINK.sub(link, text)


def table(page: str, head: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"| `{name}` | {default} | {linked(page, text)} |" for name, default, text in rows]
    return "\n".join([f"| {head} | Default | Meaning |", "|---|---|---|", *lines])


def keys(page: str, kind: type) -> str:
    said = descriptions(kind)
    rows = [
        (entry.name.upper(), default_of(entry, said[entry.name]), said[entry.name]) for entry in fields(kind)
    ]
    return table(page, "Key", rows)


def variables(page: str, kind: type, prefix: str) -> str:
    said = descriptions(kind)
    named = {
        entry.name.upper(): OTHER_VARIABLES.get(entry.name, prefix + entry.name.upper())
        for entry in fields(kind)
        if entry.name not in WITHOUT_VARIABLE
    }

    def as_variable(match: re.Match[str]) -> str:
        return f"`{named.get(match[1], match[1])}`"

    rows = []
    for entry in fields(kind):
        if entry.name.upper() in named:
            default = default_of(entry, said[entry.name])
            default = AS_TEXT.get(default.strip("`"), default).replace('`"', "`").replace('"`', "`")
            text = re.sub(r"`([A-Z_]+)`", as_variable, said[entry.name]).replace('`"', "`").replace('"`', "`")
            rows.append((named[entry.name.upper()], default, text))
    return table(page, "Variable", rows)


# Page, name in its marker, what makes the table.
TABLES: list[tuple[str, str, Callable[[], str]]] = [
    ("docs/plugging-in.md", "CABLE", lambda: keys("docs/plugging-in.md", CableSettings)),
    ("docs/server.md", "SERVER", lambda: keys("docs/server.md", ServerSettings)),
    ("docs/operations.md", "CABLE_", lambda: variables("docs/operations.md", CableSettings, "CABLE_")),
    ("docs/operations.md", "SERVER_", lambda: variables("docs/operations.md", ServerSettings, "SERVER_")),
]


def split(page: str, name: str) -> tuple[str, str, str]:
    """The page before the table, the table and the page after it. Raises ValueError without the markers."""
    text = (ROOT / page).read_text()
    begin = f"<!-- settings {name}: python -m tests.docs.settings_tables -->\n\n"
    before, mark, rest = text.partition(begin)
    found, end, after = rest.partition("\n\n<!-- end of settings -->")
    if not (mark and end):
        raise ValueError(f"{page}: no markers of the settings {name}")
    return before + mark, found, end + after


def main() -> None:
    for page, name, made in TABLES:
        before, _, after = split(page, name)
        (ROOT / page).write_text(before + made() + after)


if __name__ == "__main__":
    main()
