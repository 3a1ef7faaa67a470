"""A GET without an Origin: of no browser, of a page of our own, or of an image on a foreign page."""

import pytest

from notifications.handshake import cross_origin

SITES = [
    (None, True, False),
    ("none", True, False),
    ("same-origin", True, True),
    ("same-site", False, False),
    ("cross-site", False, False),
]


@pytest.mark.parametrize(("site", "usually", "where_required"), SITES)
def test_without_an_origin_the_browsers_own_word_counts(settings, site, usually, where_required):
    headers = {b"host": "lessy.example"} | ({b"sec-fetch-site": site} if site else {})
    assert cross_origin.admits(headers, "https") is usually
    settings.CABLE = {**settings.CABLE, "REQUIRE_ORIGIN": True}
    assert cross_origin.admits(headers, "https") is where_required


def test_an_origin_counts_before_it():
    headers = {
        b"host": "lessy.example",
        b"origin": "https://evil.example",
        b"sec-fetch-site": "same-origin",
    }
    assert not cross_origin.admits(headers, "https")
    assert cross_origin.answer_headers(headers, "https") == {"Vary": "Origin"}
