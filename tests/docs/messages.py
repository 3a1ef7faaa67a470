"""The sentences of the programs: every text of a module that is not a docstring, and of the pages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.site import ROOT

PACKAGES = ("notifications", "lessy", "projects", "tasks")
PAGES = (".html", ".js", ".mjs")
COMMENT = re.compile(
    r"/\*.*?\*/|(?<!:)//[^\n]*|<!--.*?-->|\{#.*?#\}|\{% comment .*?endcomment %\}", re.DOTALL
)


def messages() -> Iterator[tuple[str, str]]:
    """Place and text."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if "node_modules" in path.parts or not path.is_file():
                continue
            if path.suffix == ".py":
                yield from ((f"{path.relative_to(ROOT)}:{line}", text) for line, text in texts_of(path))
            elif path.suffix in PAGES:
                yield str(path.relative_to(ROOT)), COMMENT.sub("", path.read_text())


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text())
    docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
