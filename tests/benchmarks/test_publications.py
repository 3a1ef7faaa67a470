"""What the benchmarks publish in the name of each server says what it is about."""

import msgpack
import pytest

from benchmarks.publications import PUBLICATIONS, _varint, cable, centrifugo, row_and_version, shared

USER, TASK, VERSION = 7, 300, 1515248100


@pytest.mark.parametrize("name", PUBLICATIONS)
def test_what_is_published_names_its_row_and_version(name):
    _, body = PUBLICATIONS[name](USER, TASK, VERSION)
    assert row_and_version(name, body) == (TASK, VERSION)


def test_so_does_a_row_of_many():
    _, body = shared([1, 2], TASK, VERSION)
    assert row_and_version("shared", body) == (TASK, VERSION)


@pytest.mark.parametrize("name", PUBLICATIONS)
def test_other_events_name_none(name):
    assert row_and_version(name, msgpack.packb({"type": "cable.probe", "nonce": "x"})) is None


def test_a_publication_to_centrifugo_is_a_message_of_protocol_buffers():
    channel, body = centrifugo(USER, TASK, VERSION)
    text = b'{"action":"update#tasks","id":300,"updatedAt":1515248100}'
    assert channel == "centrifugo.client.#7"
    assert body.startswith(b"\x22" + bytes([len(text)]) + text + b"\x48")


@pytest.mark.parametrize(
    ("number", "written"), [(1, b"\x01"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")]
)
def test_numbers_of_any_length(number, written):
    assert _varint(number) == written


def test_the_cable_is_told_by_its_own_event():
    _, body = cable(USER, TASK, VERSION)
    assert msgpack.unpackb(body)["type"] == "cable.changes"
