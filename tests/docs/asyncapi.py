"""docs/asyncapi.json, and which of its messages a frame is."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.site import ROOT

FILE = ROOT / "docs" / "asyncapi.json"
DOCUMENT = json.loads(FILE.read_text())
# The two operations: what the server says, and what it hears.
TELL, LISTEN = "tell", "listen"


def validator(name: str) -> Any:
    schema = {"$ref": f"#/components/messages/{name}/payload", "components": DOCUMENT["components"]}
    return Draft202012Validator(schema)


def names_of(text: str, operation: str = TELL) -> list[str]:
    """Of the messages of the operation that a frame is."""
    references = [each["$ref"] for each in DOCUMENT["operations"][operation]["messages"]]
    names = [reference.rpartition("/")[2] for reference in references]
    return [name for name in names if validator(name).is_valid(json.loads(text))]
