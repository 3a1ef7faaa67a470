"""D2: a router sends reads to a replica that has not what was just written, or still has what was removed."""

import asyncio
import logging
from datetime import timedelta

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import OperationalError, connections

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, User
from notifications import notify
from notifications.changes import announcements
from notifications.changes.history import changes_since, microseconds_now
from notifications.ground.database import DatabaseThreads
from notifications.ground.written import reading_where_written
from notifications.handshake.admission import Doorkeeper
from notifications.handshake.authentication import Handshake
from notifications.hub.writable import require_databases, require_writable
from notifications.models import Epoch
from notifications.operations.users import find_user, names_of
from tasks.models import Task

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "replica"])


class ReadsFromTheReplica:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"


class WritesElsewhere(ReadsFromTheReplica):
    def db_for_write(self, model, **hints):
        return "replica"


def router(name):
    return f"{__name__}.{name.__name__}"


def closing_what_it_opened(call):
    """On a thread that nobody else closes the connections of."""
    try:
        call()
    finally:
        connections.close_all()


@pytest.fixture(scope="module", autouse=True)
def replica(tmp_path_factory, django_db_setup, django_db_blocker):
    """One more database with all tables; the rows of a test are removed after it."""
    path = tmp_path_factory.mktemp("replica") / "replica.sqlite3"
    config = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    connections.settings["replica"] = connections.configure_settings({"default": {}, "replica": config})[
        "replica"
    ]
    with django_db_blocker.unblock():
        call_command("migrate", database="replica", verbosity=0)
        yield
        connections["replica"].close()
    del connections["replica"], connections.settings["replica"]


@pytest.fixture(autouse=True)
def routed(settings, db):
    settings.DATABASE_ROUTERS = [router(ReadsFromTheReplica)]
    announcements._warned.clear()


@pytest.fixture
def resource(settings):
    """resource(database="replica"): tasks with this key, and no other resource."""

    def configure(**keys):
        tasks = {"model": "tasks.Task", "owner": "user", **keys}
        settings.CABLE = {**settings.CABLE, "RESOURCES": {"tasks": tasks}}

    return configure


def to_replica(*rows):
    for row in rows:
        type(row).objects.using("replica").bulk_create([row])
        row._state.db = "default"


def changed(user, **options):
    return [(each.action, each.pk) for each in changes_since([user.pk], microseconds_now(), **options)]


def admitted(settings, authenticator, handshake, end):
    """The admission of a handshake, and whether it is still admitted after end()."""
    settings.CABLE = {**settings.CABLE, "AUTHENTICATOR": authenticator}

    async def ask():
        threads = DatabaseThreads(1, "test-doors")
        doorkeeper = Doorkeeper(threads)
        try:
            admission = await doorkeeper.authenticate(handshake)
            await asyncio.to_thread(closing_what_it_opened, end)
            return admission, (await doorkeeper.still_admitted([admission]))[0]
        finally:
            await threads.close()

    return asyncio.run(ask())


def test_d2_changes_are_read_from_where_they_are_written(alice):
    row = Task.objects.create(user=alice, label="buy tea")
    assert changed(alice, limit=10) == [("create", row.pk)]


def test_d2_or_from_the_database_of_the_resource(alice, resource):
    to_replica(alice)
    resource(database="replica")
    [row] = Task.objects.using("replica").bulk_create([Task(user=alice, label="buy tea", order=1)])
    assert changed(alice, limit=10) == [("create", row.pk)]
    assert notify(Task.objects.filter(user_id=alice.pk)) == 1


def test_d2_the_database_of_a_resource_must_exist(resource):
    resource(database="nowhere")
    [error] = [each for each in run_checks(tags=["sync_cable"]) if each.id == "sync_cable.E001"]
    assert "'database' is 'nowhere'" in error.msg


def test_d2_the_epoch_is_the_one_that_was_renewed_last():
    """Without a cure: get_or_create() reads where it would write. A plain get() would not."""
    Epoch.objects.using("replica").update_or_create(pk=1, defaults={"value": "former"})
    renewed = Epoch.renew()
    assert Epoch.current() == renewed != "former"


def test_d2_what_must_be_writable_is_where_the_epoch_is_written(settings):
    settings.DATABASE_ROUTERS = [router(WritesElsewhere)]
    with connections["replica"].execute_wrapper(counting := Counting()):
        require_writable()
    assert counting.updates == 1


class Counting:
    updates = 0

    def __call__(self, execute, sql, params, many, context):
        self.updates += sql.startswith("UPDATE")
        return execute(sql, params, many, context)


def test_d2_a_session_that_ended_is_not_admitted_by_a_replica(alice, settings):
    store = SessionStore()
    store[SESSION_KEY], store[HASH_SESSION_KEY] = str(alice.pk), alice.get_session_auth_hash()
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store.save()
    to_replica(alice, Session.objects.using("default").get(pk=store.session_key))
    admission, still = admitted(
        settings,
        "notifications.handshake.authentication.SessionAuthenticator",
        Handshake(cookies={settings.SESSION_COOKIE_NAME: store.session_key}, headers={}),
        lambda: Session.objects.using("default").all().delete(),
    )
    assert (admission.user_id, still) == (alice.pk, False)


def test_d2_a_token_that_was_revoked_is_not_admitted_by_a_replica(alice, settings):
    text = tokens.issue(alice, lifetime=timedelta(hours=1))
    to_replica(alice, AccessToken.objects.using("default").get())
    admission, still = admitted(
        settings,
        "lessy.accounts.cable.TokenAuthenticator",
        Handshake(cookies={"Authorization": text}, headers={}),
        lambda: AccessToken.objects.using("default").all().delete(),
    )
    assert (admission.user_id, still) == (alice.pk, False)


def test_d2_a_new_session_is_admitted_before_the_replica_has_it(alice, settings):
    text = tokens.issue(alice, lifetime=timedelta(hours=1))
    handshake = Handshake(cookies={"Authorization": text}, headers={})
    admission, still = admitted(settings, "lessy.accounts.cable.TokenAuthenticator", handshake, lambda: None)
    assert (admission.user_id, still) == (alice.pk, True)


def test_d2_the_projects_own_reads_stay_with_its_router(alice):
    assert User.objects.all().db == "replica"
    with reading_where_written():
        assert User.objects.all().db == "default"
        assert User.objects.using("replica").all().db == "replica"
    assert User.objects.all().db == "replica"


def test_d2_a_row_in_another_database_is_announced_and_said_once(alice, monkeypatch, caplog):
    to_replica(alice)
    published = []
    monkeypatch.setattr("notifications.changes.transactions.publisher.publish", published.append)
    with caplog.at_level(logging.WARNING, "notifications.changes.announcements"):
        for label in ("one", "two"):
            Task(user=alice, label=label).save(using="replica")
        Task.objects.using("default").create(user=alice, label="three")
    assert len(published) == 3
    [said] = [
        each.getMessage() for each in caplog.records if each.name == "notifications.changes.announcements"
    ]
    assert said.startswith(
        "tasks.Task was saved in database 'replica', but its changes are looked up in 'default'"
    )


def test_d2_an_order_finds_a_user_whom_the_replica_does_not_know(alice):
    assert not User.objects.filter(username="alice").exists()
    assert find_user("alice").pk == alice.pk
    assert names_of([alice.pk]) == {alice.pk: "alice"}


def test_d2_readiness_asks_each_database_that_rows_are_read_from(settings):
    task = settings.CABLE["RESOURCES"]["tasks"]
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"tasks": {**task, "database": "replica"}}}
    require_databases()
    with (
        connections["replica"].execute_wrapper(away),
        pytest.raises(OperationalError, match="replica: it is away"),
    ):
        require_databases()


def away(*args):
    raise OperationalError("it is away")
