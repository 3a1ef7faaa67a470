import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from notifications.wire.payloads import create_change, key_of, microseconds, update_change

MOMENT = datetime(2018, 1, 6, 16, 15, 0, 250_000, tzinfo=UTC)


def test_a_creation_names_the_resource_and_the_row():
    assert create_change("projects", 42, 1, MOMENT).payload == '{"action":"create#projects","id":42}'


def test_an_update_says_when_in_whole_seconds():
    change = update_change("tasks", 23, 1, MOMENT)
    assert change.payload == '{"action":"update#tasks","id":23,"updatedAt":1515255300}'
    assert change.position == 1515255300_250_000


def test_the_vue_client_of_2018_may_be_given_milliseconds():
    assert '"updatedAt":1515255300250' in update_change("tasks", 23, 1, MOMENT, "ms").payload


def test_the_position_does_not_depend_on_the_time_zone():
    assert microseconds(MOMENT.astimezone(timezone(timedelta(hours=9)))) == microseconds(MOMENT)


def test_a_naive_datetime_has_no_position():
    with pytest.raises(ValueError, match="naive"):
        microseconds(datetime(2018, 1, 6))


def test_keys_travel_as_numbers_or_text():
    assert key_of(7) == 7
    assert key_of(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert json.loads(create_change("tasks", 7, 1, MOMENT).payload)["id"] == 7
    assert json.loads(create_change("tasks", 'a"b', 1, MOMENT).payload)["id"] == 'a"b'


def test_a5_keys_know_the_user():
    hers, his = (update_change("tasks", 7, user, MOMENT) for user in (1, 2))
    assert hers.row != his.row
    assert hers.creation == create_change("tasks", 7, 1, MOMENT).row != his.creation
