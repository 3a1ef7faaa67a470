"""The site that `make docs` builds: every page can be reached, and every link leads somewhere."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.docs.building import CONFIG, build
from tests.support.site import ROOT

# Decisions and measurements are reached from the pages, not from the navigation.
REACHED_FROM_PAGES = ("decisions/", "benchmarks/")


class Page(HTMLParser):
    """links: as they are written. names: what a fragment may name."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.links = set()
        self.names = {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.names.update(given[key] for key in ("id", "name") if given.get(key))
        self.links.update(given[key] for key in ("href", "src") if given.get(key))


@pytest.fixture(scope="module")
def pages(site_folder):
    found = [Page(path) for path in site_folder.rglob("*.html") if path.name != "404.html"]
    return {page.path: page for page in found}


def test_every_page_is_in_the_navigation():
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    wanted = {page for page in pages if not page.startswith(REACHED_FROM_PAGES)}
    assert set(leaves(yaml.safe_load(CONFIG.read_text())["nav"])) == wanted


def leaves(node):
    if isinstance(node, str):
        yield node
    else:
        for child in node.values() if isinstance(node, dict) else node:
            yield from leaves(child)


def test_every_link_and_every_anchor_leads_somewhere(site_folder, pages):
    assert len(pages) > 15
    dead = [
        f"{page.path.relative_to(site_folder)}: {link}"
        for page in pages.values()
        for link in page.links
        if not urlsplit(link).scheme and not leads_somewhere(page, link, pages)
    ]
    assert dead == []


def leads_somewhere(page, link, pages):
    parts = urlsplit(link)
    target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    if target.is_dir():
        target /= "index.html"
    if target in pages:
        return unquote(parts.fragment) in pages[target].names
    return target.is_file()


@pytest.mark.parametrize(
    "link", ["[x](missing.md)", "[x](#no-such-heading)", "[x](other.md#no-such-heading)"]
)
def test_a_dead_link_or_anchor_fails_the_build(tmp_path, link):
    """With our own configuration, on two pages of which one is right."""
    docs = tmp_path / "docs"
    docs.mkdir()
    config = tmp_path / "mkdocs.yml"
    config.write_text(f"INHERIT: {CONFIG}\ndocs_dir: {docs}\nnav: [index.md, other.md]\n")
    (docs / "other.md").write_text("# Other\n")
    (docs / "index.md").write_text("# Home\n[fine](other.md#other)\n")
    assert build(config, tmp_path / "site").returncode == 0
    (docs / "index.md").write_text(f"# Home\n{link}\n")
    assert build(config, tmp_path / "site").returncode == 1
