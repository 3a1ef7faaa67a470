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
    ("docs/clients.md", "sh"): "test_plugging_in.py",
    ("docs/clients.md", "swift"): "test_clients.py",
    ("docs/clients.md", "kotlin"): "test_clients.py",
    ("docs/deployment.md", "ini"): "test_deployment.py",
    ("docs/deployment.md", "nginx"): "proxies.py",
    ("docs/deployment.md", "caddy"): "proxies.py",
    ("docs/deployment.md", "sh"): "test_deployment.py",
    ("docs/events.md", "html"): "test_htmx.py",
    ("docs/events.md", "js"): "test_events.py",
    ("docs/events.md", "python"): "test_events.py",
    ("docs/events.md", "sh"): "test_events.py",
    ("docs/events.md", "text"): "test_events.py",
    ("docs/from-rails.md", "nginx"): "test_from_rails.py",
    ("docs/from-rails.md", "python"): "test_from_rails.py",
    ("docs/from-rails.md", "yaml"): "test_from_rails.py",
    ("docs/index.md", "sh"): "quick_start.py",
    ("docs/javascript-client.md", "js"): "test_javascript_client.py",
    ("docs/javascript-client.md", "ts"): "test_javascript_client.py",
    ("docs/kubernetes.md", "ini"): "test_kubernetes.py",
    ("docs/kubernetes.md", "yaml"): "test_kubernetes.py",
    ("docs/operations.md", "sh"): "test_deployment.py",
    ("docs/operations.md", "text"): "test_deployment.py",
    ("docs/plugging-in.md", "js"): "test_plugging_in.py",
    ("docs/plugging-in.md", "json"): "test_plugging_in.py",
    ("docs/plugging-in.md", "python"): "newcomer.py",
    ("docs/plugging-in.md", "sh"): "newcomer.py",
    ("docs/readers.md", "js"): "test_readers.py",
    ("docs/readers.md", "python"): "test_readers.py",
    ("docs/redis.md", "python"): "../end_to_end/test_redis_kinds.py",
    ("docs/redis.md", "sh"): "../end_to_end/test_redis_kinds.py",
    ("docs/redis.md", "text"): "../end_to_end/test_redis_kinds.py",
    ("docs/security.md", "caddy"): "test_deployment.py",
    ("docs/server.md", "nginx"): "test_server.py",
    ("docs/server.md", "python"): "test_server.py",
    ("docs/server.md", "sh"): "test_server.py",
    ("docs/state.md", "js"): "test_state.py",
    ("docs/state.md", "json"): "test_state.py",
    ("docs/state.md", "python"): "test_state.py",
    ("docs/raw-sql.md", "sh"): "test_raw_sql.py",
    ("docs/without-redis.md", "python"): "test_without_redis.py",
    ("docs/without-redis.md", "sh"): "test_without_redis.py",
    ("docs/tenants.md", "python"): "test_tenants.py",
    ("docs/tenants.md", "sh"): "test_tenants.py",
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
