"""What was told of a change, in the words of a test."""

import json

from notifications.changes.history import changes_since, overlap


def named(changes):
    return [(change.action, change.resource, change.pk) for change in changes]


def found_again(user, since):
    """What a pass finds that began when everything before `since` was told."""
    return named(changes_since([user.pk], since + overlap()))


def updated_at(change):
    return json.loads(change.payload)["updatedAt"]
