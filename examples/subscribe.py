"""Prints each notification of a user's cable: python examples/subscribe.py ws://127.0.0.1:8000/cable TOKEN"""

import json
import sys
from pathlib import Path

# In this repository the package is `notifications`; an installed one is imported as `sync_cable`.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from notifications.client import Cable, CableError, Refetch, Told


def shown(told: Told) -> str:
    """As JSON."""
    if isinstance(told, Refetch):
        return json.dumps({"refetch": told.reason})
    found = {"action": told.action, "id": told.id}
    return json.dumps(found if told.updated_at is None else {**found, "updatedAt": told.updated_at})


def main(arguments: list[str]) -> str | int:
    """Returns the argument of sys.exit(), which prints a text to stderr and exits with 1."""
    stays = arguments[2:] == ["--stay"]
    if len(arguments) != 2 and not stays:
        return f"usage: {(__doc__ or '').partition(': ')[2]} [--stay]\n--stay: come back when it is lost"
    try:
        with Cable(arguments[0], token=arguments[1], reconnect=stays) as cable:
            for told in cable:
                print(shown(told), flush=True)  # noqa: T201
    except (CableError, ValueError) as exc:
        return str(exc)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
