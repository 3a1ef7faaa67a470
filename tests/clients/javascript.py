"""The package in clients/javascript: what builds and checks it, and tabs of a browser that use it."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.docs.consoles import Console
from tests.support.required import missing
from tests.support.site import ROOT, Person

PACKAGE = ROOT / "clients/javascript"
MODULES = ROOT / "tests/clients/node_modules"
BUNDLE = """
const { buildSync } = require(process.argv[1])
const [source, folder, modules] = process.argv.slice(2)
const of = (name) => `${folder}/src/${name}.js`
const built = buildSync({ stdin: { contents: source, resolveDir: folder }, nodePaths: [modules],
  alias: { "sync-cable-client": of("index"), "sync-cable-client/adapters": of("adapters") },
  bundle: true, minify: true, format: "esm", write: false })
process.stdout.write(built.outputFiles[0].text)
"""
HTML = """
<script type="module">
  import {{ connect }} from "/sync-cable-client/index.js"
  const told = {{ heard: [], refetches: [], states: [] }}
  window.told = told
  window.cable = connect({{
    ...{options},
    onChange: (changes) => told.heard.push(...changes.map(({{ action, id }}) => `${{action}} ${{id}}`)),
    onRefetch: ({{ reason }}) => told.refetches.push(reason),
    onState: (state) => told.states.push(state),
  }})
</script>
"""


def node(*words: str | Path, needs: str = "ws", **options: Any) -> "subprocess.CompletedProcess[str]":
    """needs: a package of tests/clients/package.json."""
    program = shutil.which("node")
    if program is None or not (MODULES / needs).is_dir():
        missing(f"node and {needs} (with make setup)")
    return subprocess.run([program, *words], capture_output=True, text=True, cwd=ROOT, **options)


def bundle(source: str) -> str:
    """What a page loads of a module: it, the package, and what they import of npm, minified by esbuild."""
    built = node("-e", BUNDLE, MODULES / "esbuild", source, PACKAGE, MODULES, needs="esbuild")
    assert built.returncode == 0, built.stderr
    return built.stdout


class Tab:
    """A page of the site that only connects. page: made with bypass_csp. options: of connect()."""

    def __init__(self, page: Page, url: str, person: Person, **options: Any) -> None:
        self.page, self.url = page, url
        self._html = HTML.format(options=json.dumps(options))
        page.context.add_cookies([{"name": "Authorization", "value": person.token, "url": url}])
        page.route("**/sync-cable-client/*", self._serve)
        self.load()

    def _serve(self, route: Any) -> None:
        name = route.request.url.rpartition("/")[2]
        route.fulfill(path=PACKAGE / "src" / name, content_type="text/javascript")

    def load(self) -> None:
        """Any page that the server itself answers with: another's may not speak to this machine."""
        self.page.goto(f"{self.url}/health/live")
        self.page.set_content(self._html)

    def value(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(expression, argument)

    def wait_for(self, look: Any, seconds: float = 15) -> None:
        console = Console(self.page)
        console.wait_for(look, seconds)

    def wait_until_open(self) -> None:
        self.page.wait_for_function("window.cable?.state.name === 'open'", timeout=15_000)

    def heard(self) -> list[str]:
        return list(self.value("told.heard"))

    def refetches(self) -> list[str]:
        return list(self.value("told.refetches"))

    def hang(self) -> Callable[[], None]:
        """Block the page's thread until what is returned is called."""
        held: list[Any] = []
        self.page.route("**/hang", lambda route: held.append(route))
        self.value(
            """() => {
                const request = new XMLHttpRequest()
                request.open("GET", "/hang", false)
                setTimeout(() => request.send())
            }"""
        )
        self.wait_for(lambda: held)
        return lambda: held[0].fulfill(body="")

    def leads(self) -> bool:
        return bool(self.value("cable.leads"))

    def wait_to_hear(self, tasks: list[int]) -> None:
        wanted = [f"create#tasks {task}" for task in tasks]
        self.page.wait_for_function(
            "(wanted) => wanted.every((each) => told.heard.includes(each))", arg=wanted, timeout=20_000
        )
