"""The words of vocabulary.py are in no page and in no sentence of the programs; and each would be found."""

import re

import pytest

from tests.docs.messages import messages
from tests.docs.vocabulary import WORDS
from tests.support.site import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/monitoring").iterdir()),
]
CODE = re.compile(r"```.*?```", re.DOTALL)
# Above the line of hyphens of a table.
HEAD = re.compile(r"^(\|.*\|)\n\|-[-|]*\|$", re.MULTILINE)


def faults(text):
    """What is found, with the better words."""
    flat = " ".join(text.split())
    return [
        f"{flat[max(0, match.start() - 30) : match.end() + 30]!r}: {better}"
        for word, (better, _) in WORDS.items()
        for match in re.finditer(word, flat, re.IGNORECASE)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_22_a_page_has_none_of_these_words(page):
    assert faults(CODE.sub("", page.read_text())) == []


def test_22_no_message_has_them():
    assert [f"{place}: {found}" for place, text in messages() for found in faults(text)] == []


@pytest.mark.parametrize("word", WORDS)
def test_22_a_word_is_found_across_the_end_of_a_line(word):
    better, example = WORDS[word]
    assert any(found.endswith(better) for found in faults(example.replace(" ", "\n")))


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda path: path.name)
def test_22_each_column_of_a_table_has_a_header(page):
    heads = HEAD.findall(CODE.sub("", page.read_text()))
    assert [head for head in heads if not all(cell.strip() for cell in head.strip("|").split("|"))] == []
