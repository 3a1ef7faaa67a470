"""The documentation as `make docs` builds it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.required import missing
from tests.support.site import ROOT

CONFIG = ROOT / "mkdocs.yml"
# What `make docs` says to MkDocs.
WORDS = re.search("/mkdocs (.*)", (ROOT / "Makefile").read_text())[1].split()


def build(config, folder):
    mkdocs = Path(sys.executable).with_name("mkdocs")
    if not mkdocs.exists():
        missing("mkdocs (with make docs)")
    return subprocess.run(
        [mkdocs, *WORDS, "--config-file", config, "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
