"""What needs nobody: GET /api, the current terms; and what there is not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from lessy.accounts.models import TermsOfService

MISSING = (404, [("missing_endpoint", None)])


def new_terms(version, **ago):
    effective_at = timezone.now() - timedelta(**ago)
    return TermsOfService.objects.create(version=version, content="<p>x</p>", effective_at=effective_at)


def test_the_root_tells_of_registration_and_terms(nobody, registration):
    assert nobody.get("").body == {"registrationDisabled": False}
    new_terms("1.0", days=1)
    assert nobody.get("").body == {"registrationDisabled": False, "tosVersion": "1.0"}


def test_the_root_has_no_slash_to_be_redirected_to(client, db):
    for path in ("/api", "/api/"):
        answer = client.get(path, headers={"Authorization": "null"})
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json; charset=utf-8"


def test_without_terms_there_is_nothing(nobody):
    new_terms("to come", days=-1)
    answer = nobody.get("terms_of_services/current")
    assert (answer.status, answer.body) == (204, None)


def test_the_latest_terms_in_force_are_the_current_ones(nobody):
    new_terms("1.0", days=2)
    current = new_terms("1.1", days=1)
    new_terms("2.0", days=-1)
    new_terms("0.9", days=3)
    assert nobody.get("terms_of_services/current/").data == {
        "id": current.pk,
        "type": "terms_of_service",
        "attributes": {
            "content": "<p>x</p>",
            "version": "1.1",
            "effectiveAt": int(current.effective_at.timestamp()),
        },
    }


def test_the_date_of_the_terms_is_in_whole_seconds(nobody):
    date = datetime(2018, 9, 1, 12, 0, 0, 999_999, UTC)
    TermsOfService.objects.create(version="1", content="x", effective_at=date)
    assert nobody.get("terms_of_services/current").data["attributes"]["effectiveAt"] == 1535803200


@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "nowhere",
        "users/1",
        "terms_of_services",
        "terms_of_services/1",
        "users/me/nowhere",
        "users/me/tasks/1",
        "%00",
        "a//b",
    ],
)
def test_an_unknown_path_is_a_missing_endpoint_whoever_asks(nobody, alice_api, verb, path):
    for api in (nobody, alice_api):
        assert api.call(verb, path).refused == MISSING


@pytest.mark.parametrize("verb", ["POST", "PATCH", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["", "terms_of_services/current"])
def test_other_verbs_are_missing_endpoints(nobody, verb, path):
    assert nobody.call(verb, path).refused == MISSING
