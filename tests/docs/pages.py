"""The blocks of code of the documentation, each with what it says of itself."""

import re
from dataclasses import dataclass

from tests.support.site import ROOT

_LINE = re.compile(r'^(?:#+ (?P<heading>.*)|```(?P<language>\w+)(?: title="(?P<title>[^"]*)")?)$')


@dataclass(frozen=True)
class Block:
    """section: the heading it stands under. title: what is shown above it, "" for none."""

    page: str
    section: str
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.section}: {self.title or self.language}"


def blocks(page: str, language: str = "") -> list[Block]:
    """Of docs/plugging-in.md, say; all of them, or those of one language."""
    found: list[Block] = []
    section = ""
    lines = iter((ROOT / page).read_text().splitlines())
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        if match["heading"]:
            section = match["heading"]
            continue
        text = "".join(f"{inner}\n" for inner in iter(lambda: next(lines), "```"))
        found.append(Block(page, section, match["language"], match["title"] or "", text))
    return [block for block in found if language in ("", block.language)]


def block(page: str, language: str, words: str = "") -> Block:
    """The only one of this language that has these words in its text or its title."""
    [found] = [each for each in blocks(page, language) if words in each.text or words in each.title]
    return found
