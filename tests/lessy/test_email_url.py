"""EMAIL_URL, as it is meant."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from lessy.ground import environment, faults


def email(monkeypatch, url):
    monkeypatch.setenv("EMAIL_URL", url)
    return environment.email("EMAIL_URL", "consolemail://")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("filemail:///tmp/mails", "/tmp/mails"),
        ("filemail:/tmp/my%20mails", "/tmp/my mails"),
        ("filemail:mails", "mails"),
        ("filemail://var/mails", "var/mails"),
    ],
)
def test_mails_go_to_the_folder_that_is_named(monkeypatch, url, path):
    assert email(monkeypatch, url)["EMAIL_FILE_PATH"] == path


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("smtp://mail.example:25", "mail.example", 25, None),
        ("smtp+tls://me:secret@mail.example", "mail.example", 587, True),
        ("smtp+tls://me:secret@mail.example:2525", "mail.example", 2525, True),
    ],
)
def test_mails_go_to_the_server_that_is_named(monkeypatch, url, host, port, tls):
    config = email(monkeypatch, url)
    assert (config["EMAIL_HOST"], config["EMAIL_PORT"], config.get("EMAIL_USE_TLS")) == (host, port, tls)


@pytest.mark.parametrize("url", ["nonsense", "http://mail.example", "console:"])
def test_what_is_no_such_url_stops_the_boot(monkeypatch, url):
    email(monkeypatch, url)
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        faults.report()
