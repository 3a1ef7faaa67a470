"""Passwords are not guessed at speed, and nobody's mailbox is filled."""

import logging

import pytest
from django.core.cache import caches
from django.urls import reverse
from waffle.models import Flag

from lessy.accounts.models import User
from lessy.api import throttles
from tests.api import Api
from tests.concurrency import together
from tests.fixtures import mail_reset

TOO_MANY = (429, [("too_many_requests", None)])


@pytest.fixture(autouse=True)
def limits(settings, monkeypatch):
    """Two a minute of everything, in a minute that does not end."""
    doors = ("login", "registration", "mail", "hashing")
    scopes = [f"{what}_{whom}" for what in doors for whom in ("address", "account")]
    settings.LESSY_THROTTLE_RATES = dict.fromkeys(scopes, "2/min")
    monkeypatch.setattr(throttles.time, "time", lambda: 1_800_000_015.0)
    caches["memory"].clear()
    yield settings.LESSY_THROTTLE_RATES
    caches["memory"].clear()


def log_in(api, username="alice", password="wrong"):
    return api.post("users/authorizations", {"username": username, "password": password})


def from_addresses(api, *addresses):
    for address in addresses:
        api.client.defaults["REMOTE_ADDR"] = address
        yield api


def test_the_third_log_in_from_an_address_is_refused(nobody, alice):
    assert [log_in(nobody, name).status for name in ("alice", "bob", "carol")] == [401, 401, 429]
    refused = log_in(nobody, "dave", "secret")
    assert refused.refused == TOO_MANY
    assert refused.retry_after == "46"


def test_after_the_window_it_goes_on(nobody, alice, monkeypatch):
    for _ in range(3):
        log_in(nobody)
    monkeypatch.setattr(throttles.time, "time", lambda: 1_800_000_061.0)
    assert log_in(nobody, password="secret").status == 200


def test_an_account_is_guarded_whatever_the_address_and_whichever_name_is_used(nobody, alice):
    names = ["alice", "alice@example.com", "alice"]
    apis = from_addresses(nobody, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    statuses = [log_in(api, name).status for api, name in zip(apis, names, strict=True)]
    assert statuses == [401, 401, 429]


def test_c4_an_address_over_its_own_limit_counts_against_nobody_else(nobody, alice):
    [api] = from_addresses(nobody, "192.0.2.1")
    assert [log_in(api, name).status for name in ("x", "y")] == [401, 401]
    assert {log_in(api, "alice").status for _ in range(20)} == {429}
    [api] = from_addresses(nobody, "192.0.2.2")
    assert log_in(api, password="secret").status == 200


@pytest.mark.parametrize("path", ["users/password_resets", "users"])
def test_c4_nor_does_it_count_against_the_receiver_of_a_mail(nobody, alice, path):
    Flag.objects.update_or_create(name="feature_registration", defaults={"everyone": True})
    email = alice.email if "resets" in path else "laura@example.com"
    [api] = from_addresses(nobody, "192.0.2.1")
    for name in ("x@y", "z@y", *[email] * 20):
        refused = api.post(path, {"user": {"email": name}})
    assert refused.refused == TOO_MANY
    [api] = from_addresses(nobody, "192.0.2.2")
    assert api.post(path, {"user": {"email": email}}).status < 300


def test_c4_nor_at_the_admins_door(client, nobody, alice):
    for name in ("x", "y", *["alice"] * 20):
        client.post(reverse("admin:login"), {"username": name, "password": "x"}, REMOTE_ADDR="192.0.2.1")
    [api] = from_addresses(nobody, "192.0.2.2")
    assert log_in(api, password="secret").status == 200


def test_c4_guesses_from_many_addresses_do_not_lock_the_owner_out_where_they_logged_in_before(nobody, alice):
    [home] = from_addresses(nobody, "192.0.2.77")
    assert log_in(home, password="secret").status == 200
    apis = from_addresses(nobody, *(f"198.51.100.{n}" for n in range(9)))
    assert [log_in(api).status for api in apis] == [401, *[429] * 8]
    [home] = from_addresses(nobody, "192.0.2.77")
    assert log_in(home, password="secret").status == 200
    [elsewhere] = from_addresses(nobody, "192.0.2.78")
    assert log_in(elsewhere, password="secret").status == 429


def test_c4_from_a_known_address_one_guesses_no_faster(nobody, alice):
    assert log_in(nobody, password="secret").status == 200
    caches["memory"].delete_many([key for key in _counters() if "login_address" in key])
    assert [log_in(nobody).status for _ in range(3)] == [401, 401, 429]


def test_c4_a_new_password_by_mail_makes_the_address_known(nobody, alice):
    body = {"token": mail_reset(alice), "user": {"password": "new"}}
    assert nobody.post("users/passwords", body).status == 200
    apis = from_addresses(nobody, *(f"198.51.100.{n}" for n in range(3)))
    assert [log_in(api).status for api in apis] == [401, 401, 429]
    [home] = from_addresses(nobody, "127.0.0.1")
    assert log_in(home, password="new").status == 200


def _counters():
    return [key.removeprefix(":1:") for key in caches["memory"]._cache]


@pytest.mark.parametrize(
    "forwarded",
    [
        ["192.0.2.9:4001", "192.0.2.9:4002", "192.0.2.9"],
        ["[2001:db8::1]:443", "[2001:db8::2]:444", "2001:db8::3"],
        ["::ffff:192.0.2.9", "192.0.2.9", "[::ffff:192.0.2.9]:80"],
        ["203.0.113.1, 192.0.2.9", "203.0.113.2,192.0.2.9:1", "192.0.2.9"],
    ],
)
def test_c4_a_client_is_one_address_whatever_the_port(nobody, alice, settings, forwarded):
    settings.LESSY_TRUSTED_PROXIES = 1
    statuses = []
    for number, value in enumerate(forwarded):
        nobody.headers["X-Forwarded-For"] = value
        statuses.append(log_in(nobody, f"nobody{number}").status)
    assert statuses == [401, 401, 429]


def test_c4_mapped_addresses_of_ipv4_are_different_clients(nobody, alice):
    addresses = [f"::ffff:192.0.2.{n}" for n in range(6)]
    apis = from_addresses(nobody, *addresses)
    assert [log_in(api, f"nobody{n}").status for n, api in enumerate(apis)] == [401] * 6


def test_c6_new_passwords_and_activations_are_limited_by_address(nobody, alice, pending):
    bodies = {"passwords": {"token": "wrong", "user": {"password": "x"}}, "activations": {"token": "wrong"}}
    statuses = [nobody.post(f"users/{door}", body).status for door, body in bodies.items()]
    assert statuses == [404, 404]
    assert [nobody.post(f"users/{door}", body).refused for door, body in bodies.items()] == [TOO_MANY] * 2


def test_c6_changes_with_sudo_are_limited_by_the_user(alice):
    apis = from_addresses(Api(alice, sudo=True), "192.0.2.1", "192.0.2.2", "192.0.2.3")
    body = {"user": {"password": "new"}}
    assert [api.post("users/passwords", body).status for api in apis] == [200, 200, 429]


def test_c7_a_user_asks_for_so_much_a_minute_and_no_other_pays(alice, bob, limits):
    limits["user"] = "3/min"
    mine = [Api(alice), Api(alice, sudo=True)]
    assert [api.get("users/me/tasks").status for api in mine * 2] == [200, 200, 200, 429]
    refused = mine[0].patch("users/me", {"email": "x@y"})
    assert (refused.refused, refused.retry_after) == (TOO_MANY, "46")
    assert Api(bob).get("users/me/tasks").status == 200
    assert Api().get("").status == 200


def test_an_ipv6_customer_is_one_address(nobody, alice):
    apis = from_addresses(nobody, "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
    statuses = [log_in(api, f"nobody{n}").status for n, api in enumerate(apis)]
    assert statuses == [401, 401, 429, 401]


def test_without_a_trusted_proxy_a_client_cannot_choose_its_address(nobody, alice):
    for number in range(3):
        nobody.headers["X-Forwarded-For"] = f"192.0.2.{number}"
        answer = log_in(nobody, f"nobody{number}")
    assert answer.refused == TOO_MANY


def test_behind_a_trusted_proxy_its_word_counts(nobody, alice, settings):
    settings.LESSY_TRUSTED_PROXIES = 1
    for number in range(3):
        nobody.headers["X-Forwarded-For"] = f"10.9.9.9, 192.0.2.{number}"
        assert log_in(nobody, f"nobody{number}").status == 401


def test_signing_out_is_not_limited(alice_api, limits):
    limits.update(dict.fromkeys(limits, "1/hour"))
    for _ in range(3):
        alice_api.delete("users/authorizations")
    assert alice_api.get("users/me").status == 401


@pytest.mark.parametrize("email", ["laura@example.com", "LAURA@example.com"])
def test_registrations_of_one_address_are_limited(nobody, email):
    Flag.objects.update_or_create(name="feature_registration", defaults={"everyone": True})
    bodies = [{"user": {"email": "laura@example.com"}}, {"email": "Laura@example.com"}, {"email": email}]
    apis = from_addresses(nobody, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    statuses = [api.post("users", body).status for api, body in zip(apis, bodies, strict=True)]
    assert statuses == [201, 422, 429]


@pytest.mark.parametrize("path", ["users/activation_emails", "users/password_resets"])
def test_mails_are_limited_by_the_address_of_the_client_and_of_the_mail(nobody, alice, path):
    body = {"user": {"email": alice.email}}
    apis = from_addresses(nobody, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert [api.post(path, body).status for api in apis] == [204, 204, 429]
    [api] = from_addresses(nobody, "192.0.2.1")
    others = [{"user": {"email": f"{name}@x"}} for name in "ab"]
    assert [api.post(path, other).status for other in others] == [404, 429]


@pytest.mark.parametrize("path", ["users", "users/authorizations", "users/activation_emails"])
def test_a_malformed_body_counts_and_is_refused_in_the_error_format(nobody, path):
    assert [nobody.post(path, b"{").status for _ in range(3)] == [400, 400, 429]
    assert nobody.post(path, {"user": []}).status == 429


def test_the_admins_door_shares_the_counters(client, alice):
    User.objects.update(is_staff=True, is_superuser=True)
    door = reverse("admin:login")
    for _ in range(2):
        client.post(door, {"username": "alice", "password": "wrong"})
    assert client.post(door, {"username": "alice", "password": "secret"}).status_code == 200
    caches["memory"].clear()
    assert client.post(door, {"username": "alice", "password": "secret"}).status_code == 302


def test_requests_at_the_same_moment_are_all_counted(settings):
    settings.LESSY_THROTTLE_RATES = {"mail_address": "5/min"}
    answers = together([lambda: throttles.seconds_to_wait("mail_address", "192.0.2.1")] * 20)
    assert len([answer for answer in answers if answer is None]) == 5


def test_off_is_not_limited(settings, nobody, alice):
    settings.LESSY_THROTTLE_RATES = {}
    assert {log_in(nobody).status for _ in range(20)} == {401}


def test_processes_count_together_in_redis_and_each_alone_while_it_is_away(settings, new_redis, caplog):
    options = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
    shared = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": new_redis.url}
    settings.CACHES = {**settings.CACHES, "default": {**shared, "OPTIONS": options}}
    assert throttles.seconds_to_wait("mail_address", "a") is None
    caches["memory"].clear()
    assert throttles.seconds_to_wait("mail_address", "a") is None
    assert throttles.seconds_to_wait("mail_address", "a") is not None
    new_redis.stop()
    with caplog.at_level(logging.WARNING):
        assert [throttles.seconds_to_wait("mail_address", "a") is None for _ in range(3)] == [
            True,
            True,
            False,
        ]
    assert "throttles cannot reach Redis" in caplog.text
