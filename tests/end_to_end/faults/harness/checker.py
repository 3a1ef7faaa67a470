"""Compares what each client knows in the end with the tables. Only this decides whether a change was lost."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from tests.end_to_end.faults.harness.clients import Client, Row
from tests.support.site import Site

# User → the version of each of their rows, in whole seconds (0: created and never updated).
Versions = Mapping[int, Mapping[Row, int]]
Key = TypeVar("Key")


def versions_in_tables(site: Site) -> Versions:
    rows = site.shell(
        """
fields = ("user_id", "pk", "created_at", "updated_at")
result = [
    (name, user, pk, 0 if updated == created else int(updated.timestamp()))
    for name, model in (("tasks", Task), ("projects", Project))
    for user, pk, created, updated in model.objects.values_list(*fields)
]
"""
    )
    found: dict[int, dict[Row, int]] = {}
    for name, user, pk, version in rows:
        found.setdefault(user, {})[name, pk] = version
    return found


def lacking(known: Mapping[Key, int], due: Mapping[Key, int]) -> dict[Key, int]:
    """The due rows that are not known, or known only in an older version."""
    return {key: version for key, version in due.items() if known.get(key, -1) < version}


def lost(clients: Iterable[Client], versions: Versions) -> list[str]:
    """Every row that a client was not notified of, or only of an older version."""
    return [
        f"{type(client).__name__} of user {client.person.pk} lacks {name} {pk} at {version}: "
        f"knows {client.known.get((name, pk))}"
        for client in clients
        for (name, pk), version in lacking(client.known, versions.get(client.person.pk, {})).items()
    ]


def complaints(clients: Iterable[Client]) -> list[str]:
    return [complaint for client in clients for complaint in client.complaints]
