"""What the environment says is read by type, or stops the boot with a sentence that names the variable."""

from dataclasses import dataclass

import pytest
from django.core.exceptions import ImproperlyConfigured

from lessy import environment


@dataclass
class Limits:
    sockets: int = 5
    seconds: float = 0.5
    name: str = "x"


@pytest.fixture
def numbers(monkeypatch):
    def read(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"DOOR_{name}", value)
        return environment.numbers("DOOR_", Limits)

    return read


def test_of_a_dataclass_each_number_that_is_set_is_read_by_its_type(numbers):
    assert numbers(SOCKETS="7", SECONDS="1.5", NAME="y") == {"SOCKETS": 7, "SECONDS": 1.5}


def test_what_is_not_set_keeps_its_default(numbers):
    assert numbers(SOCKETS="") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("SOCKETS", "1.5"), ("SOCKETS", "0"), ("SOCKETS", "-1"), ("SECONDS", "fast"), ("SECONDS", "0.0")],
)
def test_a_bad_number_is_refused_by_name(numbers, name, value):
    with pytest.raises(ImproperlyConfigured, match=f"DOOR_{name}='{value}'"):
        numbers(**{name: value})
