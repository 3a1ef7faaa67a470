"""axe-core in a page: finds violations of accessibility rules."""

from pathlib import Path

from playwright.sync_api import Page

from tests.support.required import missing

SCRIPT = Path(__file__).parents[1] / "clients/node_modules/axe-core/axe.min.js"

# Two animation frames: in the first, styles of the colour scheme are computed and animations begin.
_STILL = """new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame)).then(
    () => Promise.allSettled(document.getAnimations().map(each => each.finished))
).then(() => null)"""
_RUN = """axe.run().then(found => found.violations.map(
    each => [each.id, ...each.nodes.map(node => node.html.slice(0, 200))]
))"""


def assert_accessible(page: Page, state: str) -> None:
    """In the light and the dark scheme. state: what the page shows, for the failure message."""
    for scheme, found in violations(page).items():
        assert found == [], f"{state}, {scheme}: {found}"


def violations(page: Page) -> dict[str, list[list[str]]]:
    """
    For each scheme, the violated rules with the elements that violate them. With reduced motion, and after
    all animations: else axe would judge colours in transition.
    """
    if not SCRIPT.is_file():
        missing("axe-core (make setup)")
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT.read_text())
    found: dict[str, list[list[str]]] = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(_STILL)
        found[scheme] = page.evaluate(_RUN)
    return found
