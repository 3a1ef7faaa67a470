"""A version of another package with which the cable does not work, or not safely, is named at boot."""

from importlib import metadata

import pytest
from django.core.checks import ERROR, WARNING

from notifications.versions import REQUIRED, check_versions


@pytest.fixture
def install(monkeypatch):
    """install("redis", "4.5.5"); None for not at all."""
    real = metadata.version

    def pretend(name, version):
        def answer(asked):
            if asked != name:
                return real(asked)
            if version is None:
                raise metadata.PackageNotFoundError(name)
            return version

        monkeypatch.setattr(metadata, "version", answer)

    return pretend


def said(name):
    """What is said of this package; that of others depends on what the tests run with."""
    return [message for message in check_versions(None) if message.msg.startswith(f"{name} ")]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("daphne", "4.2.1"),
        ("Django", "5.1.9"),
        ("redis", "4.5.5"),
        ("channels", "4.2.1"),
        ("channels-redis", "4.1.0"),
    ],
)
def test_a_version_that_does_not_work_is_refused_by_name(install, name, version):
    install(name, version)
    [error] = said(name)
    assert (error.id, error.level) == ("sync_cable.E009", ERROR)
    assert f"{name} {version}" in error.msg


@pytest.mark.parametrize("version", ["5.2", "5.2.13", "6.0a1", "6.0.4"])
def test_17_a_django_with_known_faults_is_warned_of_and_works(install, version):
    """A project that pins it can install the cable, and is told at each boot."""
    install("Django", version)
    [warning] = said("Django")
    assert (warning.id, warning.level) == ("sync_cable.W009", WARNING)
    assert f"Django {version}" in warning.msg


@pytest.mark.parametrize("version", ["5.2.14", "6.0.5", "6.1", "6.1a1", "7.0.dev20270101", None])
def test_every_other_django_is_silent(install, version):
    install("Django", version)
    assert said("Django") == []


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_required_itself_and_what_is_not_installed_pass(install, name):
    for version in (".".join(map(str, REQUIRED[name])), None):
        install(name, version)
        assert [message for message in said(name) if message.level == ERROR] == []
