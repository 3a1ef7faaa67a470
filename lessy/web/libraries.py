"""
The paths and import names of the cable's JavaScript clients, which the start page loads unbundled: those that
npm installs, and this repository's own.
"""

from collections.abc import Iterator
from pathlib import Path

from django.templatetags.static import static

# This repository's own client; it does not need npm.
OWN = "sync-cable-client"
OWN_FOLDER = Path(__file__).resolve().parents[2] / "clients" / "javascript" / "src"
OWN_PREFIX = f"web/{OWN}"

FOLDER = Path(__file__).resolve().parent / "node_modules"
PREFIX = "web/libraries"  # of their static URLs
INSTALL = "npm install --prefix lessy/web"

# The name in an import statement -> the path of its module in FOLDER.
MODULES = {
    "@rails/actioncable": "@rails/actioncable/app/assets/javascripts/actioncable.esm.js",
    "@anycable/web": "@anycable/web/index.js",
    "@anycable/core": "@anycable/core/index.js",
    "nanoevents": "nanoevents/index.js",
}
# These modules and their imports.
PATTERNS = (MODULES["@rails/actioncable"], "@anycable/*/**/*.js", "nanoevents/index.js")


def missing_libraries() -> list[str]:
    """The import names that npm has not installed."""
    return [name for name, module in MODULES.items() if not (FOLDER / module).is_file()]


def library_files() -> Iterator[str]:
    """The files that a browser may load, as paths relative to FOLDER."""
    for pattern in PATTERNS:
        yield from (path.relative_to(FOLDER).as_posix() for path in FOLDER.glob(pattern))


def own_files() -> Iterator[str]:
    """As paths relative to OWN_FOLDER."""
    yield from (path.name for path in OWN_FOLDER.glob("*.js"))


def import_map() -> dict[str, dict[str, str]]:
    """For <script type="importmap">: the libraries import each other by name, as they would in a bundle."""
    imports = {name: static(f"{PREFIX}/{module}") for name, module in MODULES.items()}
    return {"imports": {**imports, OWN: static(f"{OWN_PREFIX}/index.js")}}
