"""Of each block of code in the documentation: what runs it, or why nothing does."""

from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.support.site import ROOT

PAGES = ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md")))]

# Page and language (of all of its blocks in it) -> the file of tests that reads them; but for `pip install`,
# which tests/packaging runs.
RUN_BY = {
    ("README.md", "js"): "test_clients.py",
    ("README.md", "python"): "test_plugging_in.py",
    ("docs/api.md", "sh"): "test_examples.py",
    ("docs/clients.md", "js"): "test_clients.py",
    ("docs/clients.md", "python"): "test_clients.py",
    ("docs/clients.md", "swift"): "test_clients.py",
    ("docs/clients.md", "kotlin"): "test_clients.py",
    ("docs/deployment.md", "ini"): "test_deployment.py",
    ("docs/deployment.md", "nginx"): "proxies.py",
    ("docs/deployment.md", "caddy"): "proxies.py",
    ("docs/deployment.md", "sh"): "test_deployment.py",
    ("docs/from-rails.md", "nginx"): "test_from_rails.py",
    ("docs/from-rails.md", "python"): "test_from_rails.py",
    ("docs/from-rails.md", "yaml"): "test_from_rails.py",
    ("docs/index.md", "sh"): "quick_start.py",
    ("docs/operations.md", "sh"): "test_deployment.py",
    ("docs/operations.md", "text"): "test_deployment.py",
    ("docs/plugging-in.md", "js"): "test_plugging_in.py",
    ("docs/plugging-in.md", "json"): "test_plugging_in.py",
    ("docs/plugging-in.md", "python"): "newcomer.py",
    ("docs/plugging-in.md", "sh"): "newcomer.py",
}
NOT_RUN = {
    ("README.md", "json"): "a frame, of which test_asyncapi.py has the schema",
    ("README.md", "sh"): "make run is docs/index.md's too, and make test is what runs this",
    ("README.md", "text"): "a picture",
    ("docs/api.md", "json"): "an answer, which tests/tasks asks for",
    ("docs/monitoring.md", "yaml"): "Prometheus' configuration; tests/end_to_end/test_metrics.py scrapes",
}


@pytest.mark.parametrize("page", PAGES)
def test_each_block_is_run_or_is_known_not_to_be(page):
    for block in blocks(page):
        key = (page, block.language)
        assert (key in RUN_BY) != (key in NOT_RUN), block


@pytest.mark.parametrize(("page", "file"), sorted({(page, file) for (page, _), file in RUN_BY.items()}))
def test_what_is_said_to_run_it_is_there_and_names_the_page(page, file):
    assert Path(page).name in (ROOT / "tests/docs" / file).read_text()
