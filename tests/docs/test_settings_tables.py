"""Each setting of conf.py is described once, above it, and every page has it in its table."""

import re
from dataclasses import fields

import pytest
from django.core.exceptions import ImproperlyConfigured

from lessy import settings as lessy_settings
from lessy.ground import faults
from notifications.conf import CableSettings, ServerSettings
from tests.docs.settings_tables import TABLES, WITHOUT_VARIABLE, descriptions, split
from tests.support.site import ROOT


@pytest.mark.parametrize(("page", "name", "made"), TABLES, ids=[f"{page} {name}" for page, name, _ in TABLES])
def test_22_each_table_of_settings_is_as_conf_py_makes_it(page, name, made):
    """If this fails: python -m tests.docs.settings_tables."""
    assert split(page, name)[1] == made()


@pytest.mark.parametrize("kind", [CableSettings, ServerSettings])
def test_22_each_setting_is_described_in_sentences(kind):
    said = descriptions(kind)
    assert list(said) == [entry.name for entry in fields(kind)]
    assert [text for text in said.values() if not re.match(r"[A-Z`].*[.)]$", text)] == []


@pytest.mark.parametrize("name", sorted(WITHOUT_VARIABLE))
def test_22_a_setting_that_is_not_in_the_table_of_variables_has_none(name):
    assert lessy_settings.CABLE  # they are read: every variable is known
    with pytest.raises(ImproperlyConfigured, match=f"CABLE_{name.upper()} is not a variable"):
        faults.report({f"CABLE_{name.upper()}": ""})


def test_22_the_other_variables_of_the_settings_are_in_the_table():
    """lessy/settings.py, where each variable is read by its name."""
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+[A-Z])"', (ROOT / "lessy/settings.py").read_text()))
    page = (ROOT / "docs/operations.md").read_text()
    assert {name for name in read if f"`{name}`" not in page} == set()
