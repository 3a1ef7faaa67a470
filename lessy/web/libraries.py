"""
The cable's clients, which the page takes from npm as they are: where they lie, and their names.
"""

from collections.abc import Iterator
from pathlib import Path

from django.templatetags.static import static

# Our own, of this repository: no need for npm.
OWN = "sync-cable-client"
OWN_FOLDER = Path(__file__).resolve().parents[2] / "clients" / "javascript" / "src"
OWN_PREFIX = f"web/{OWN}"

FOLDER = Path(__file__).resolve().parent / "node_modules"
PREFIX = "web/libraries"  # of their static URLs
INSTALL = "npm install --prefix lessy/web"

# The name in an import statement -> the module of that name, in FOLDER.
MODULES = {
    "@rails/actioncable": "@rails/actioncable/app/assets/javascripts/actioncable.esm.js",
    "@anycable/web": "@anycable/web/index.js",
    "@anycable/core": "@anycable/core/index.js",
    "nanoevents": "nanoevents/index.js",
}
# These modules, and what they import in turn.
PATTERNS = (MODULES["@rails/actioncable"], "@anycable/*/**/*.js", "nanoevents/index.js")


def missing_libraries() -> list[str]:
    """The names that cannot be imported, since npm has not installed them."""
    return [name for name, module in MODULES.items() if not (FOLDER / module).is_file()]


def library_files() -> Iterator[str]:
    """What a browser may load, as paths in FOLDER."""
    for pattern in PATTERNS:
        yield from (path.relative_to(FOLDER).as_posix() for path in FOLDER.glob(pattern))


def own_files() -> Iterator[str]:
    """As paths in OWN_FOLDER."""
    yield from (path.name for path in OWN_FOLDER.glob("*.js"))


def import_map() -> dict[str, dict[str, str]]:
    """For <script type="importmap">: the libraries import each other by name, as from a bundler."""
    imports = {name: static(f"{PREFIX}/{module}") for name, module in MODULES.items()}
    return {"imports": {**imports, OWN: static(f"{OWN_PREFIX}/index.js")}}
