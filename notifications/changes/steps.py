"""
What one transaction did to each row, step by step, and the net result. Pure: no Django.

A step belongs to one user, or to the audience that the row has when the transaction is committed. A user is
notified of what the whole transaction did to a row for them. A user who got a row gets a create. A user who
lost one gets an update (the refetch finds it gone) or, where deletions are announced, a destroy. A user who
got and lost it in the same transaction gets nothing, because there was never anything for them to see.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ..wire.payloads import CREATE, DESTROY, Change, RowKey

# In place of a user: all who can see the row when the change is delivered (audience.py). No key holds a NUL.
AUDIENCE = "\0audience"


class Step(NamedTuple):
    """
    change: what is announced if nothing else happens to the row. otherwise: for a row that a user got, the
    update that is announced if the user had it before. leaves: the user has lost the row, and is notified by
    an update. recorded: the table of the row does not show it, so that it becomes a notice (notices.py).
    created: for an update with further keys, the create with the same keys, if the transaction made the row.
    """

    change: Change
    otherwise: Change | None = None
    leaves: bool = False
    recorded: bool = False
    created: Change | None = None


class _Told:
    """
    The net change of one row for one user. knew: whether the user had it before the transaction. A create
    absorbs later updates and stands for them. Of several updates the one with the latest time stays: a client
    that compares times would ignore one by an instance that was read earlier.
    """

    __slots__ = ("change", "knew")

    def __init__(self, knew: bool) -> None:
        self.knew = knew
        self.change: Change | None = None

    def after(self, step: Step) -> Change | None:
        if step.leaves or step.change.action == DESTROY:
            return step.change if self.knew else None
        if self.knew and step.otherwise is not None:
            return step.otherwise
        if self.change is None or step.change.action == CREATE:
            return step.change
        latest = max(step.change, self.change, key=_time)
        if self.change.action == CREATE:
            told = step.created._replace(position=self.change.position) if step.created else self.change
            # A time that the tables do not hold is not a version that a create could stand for.
            return told._replace(position=latest.position) if latest.is_in_tables else told
        return latest


def _time(change: Change) -> int:
    return change.time


def net(steps: Iterable[Step]) -> list[Change]:
    """
    One change per row and user at most, and a destroy before it if the key was used again. Creates keep their
    place; an update takes the place of the last one.
    """
    told: dict[RowKey, _Told] = {}
    for step in steps:
        key = step.change.creation
        entry = told.get(key)
        if entry is not None and _is_gone(entry) and step.change.action != DESTROY:
            told[step.change._replace(action=DESTROY).row] = told.pop(key)
            entry = None
        if entry is None:
            entry = _Told(_knew(told, step))
        entry.change = entry.after(step)
        if step.change.action == CREATE or entry.change is None or entry.change.action != CREATE:
            told.pop(key, None)
        told[key] = entry
    return [entry.change for entry in told.values() if entry.change is not None]


def _is_gone(entry: _Told) -> bool:
    return entry.change is not None and entry.change.action == DESTROY


def _knew(told: dict[RowKey, _Told], first: Step) -> bool:
    """
    Whether this user may have had the row before the step. If the audience did not have it, none of its
    members did. A user who got a path to the row (a recorded create) may have had another one before: an
    announced end does no harm.
    """
    of_audience = told.get(first.change._replace(user_id=AUDIENCE).creation)
    if of_audience is not None and (first.recorded or first.change.action == DESTROY):
        return of_audience.knew
    return first.change.action != CREATE or first.recorded


def recorded(steps: Iterable[Step]) -> list[Change]:
    """Those of net(steps) that become notices."""
    steps = list(steps)
    rows = {(step.change.creation, step.change.action) for step in steps if step.recorded}
    if not rows:
        return []
    return [change for change in net(steps) if (change.creation, change.action) in rows]
