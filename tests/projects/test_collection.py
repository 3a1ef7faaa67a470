"""GET and POST /api/users/me/projects"""

from datetime import datetime

import pytest
from django.utils import timezone

from projects.models import Project
from tests.api import Api
from tests.projects.conftest import project_in
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db
PATH = "users/me/projects"


def test_a_new_project_is_newed_and_has_nothing_but_its_name(alice, alice_api):
    answer = alice_api.post(PATH, {"project": {"name": "Été 2018!"}})
    project = Project.objects.get()
    created_at = answer.data["attributes"]["createdAt"]
    assert answer.status == 201
    assert answer.body == {
        "data": {
            "id": project.pk,
            "type": "project",
            "attributes": {
                "name": "Été 2018!",
                "slug": "ete-2018",
                "description": "",
                "state": "newed",
                "startedAt": None,
                "dueAt": None,
                "pausedAt": None,
                "finishedAt": None,
                "createdAt": created_at,
                "updatedAt": created_at,
            },
            "relationships": {
                "user": {"data": {"type": "user", "id": alice.pk}},
                "tasks": {"data": []},
            },
        }
    }


def test_dates_are_iso_text_cut_to_milliseconds_in_the_zone_of_the_user(alice, alice_api):
    alice.time_zone = "Europe/Paris"
    alice.save()
    project = project_in(alice, "started", started_at=datetime.fromisoformat("2017-01-20T00:00:00.123999Z"))
    attributes = alice_api.get(f"projects/{project.pk}").data["attributes"]
    assert attributes["startedAt"] == "2017-01-20T01:00:00.123+01:00"


def test_an_unwrapped_body_creates_as_well(alice_api):
    assert alice_api.post(PATH, {"name": "Laura"}).data["attributes"]["name"] == "Laura"


def test_only_the_name_is_taken_from_the_body(alice_api):
    alice_api.post(PATH, {"project": {"name": "Laura", "state": "finished", "description": "x", "slug": "y"}})
    project = Project.objects.get()
    assert (project.state, project.description, project.slug) == ("newed", "", "laura")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "parameter_missing", "/project"),
        ({"unknown": 1}, "parameter_missing", "/project"),
        ({"project": None}, "parameter_missing", "/project"),
        ({"project": {}}, "parameter_missing", "/project"),
        ({"project": "Laura"}, "parameter_missing", "/project"),
        ({"project": ["Laura"]}, "parameter_missing", "/project"),
        ({"project": {"unknown": 1}}, "parameter_missing", "/project/name"),
        ({"project": {"name": None}}, "parameter_missing", "/project/name"),
        ({"project": {"name": "  "}}, "parameter_missing", "/project/name"),
        ({"project": {"name": {"first": "Laura"}}}, "parameter_missing", "/project/name"),
        ({"name": "Laura", "project": {"description": "x"}}, "parameter_missing", "/project/name"),
        ({"name": "x" * 101}, "too_long", "/project/name"),
    ],
)
def test_a_project_without_a_fitting_name_is_refused(alice_api, body, code, pointer):
    assert alice_api.post(PATH, body).refused == (422, [(code, pointer)])
    assert not Project.objects.exists()


def test_a_name_of_100_characters_is_not_too_long(alice_api):
    assert alice_api.post(PATH, {"name": "ß" * 100}).data["attributes"]["slug"] == "ss" * 100


def test_a_name_without_usable_characters_has_an_invalid_slug(alice_api):
    answer = alice_api.post(PATH, {"name": "中文"})
    assert answer.refused == (422, [("blank", "/project/slug"), ("invalid", "/project/slug")])


def test_two_names_with_one_slug_collide_at_the_slug(alice_api, new_project):
    new_project(name="C++")
    assert alice_api.post(PATH, {"name": "c / #"}).refused == (422, [("taken", "/project/slug")])


def test_users_may_have_the_same_slugs(bob_api, new_project):
    new_project(name="Laura")
    assert bob_api.post(PATH, {"name": "Laura"}).status == 201


def test_a_project_belongs_to_whom_the_token_belongs(alice, bob, bob_api):
    bob_api.post(PATH, {"project": {"name": "Laura", "user_id": alice.pk}})
    assert Project.objects.get().user == bob


def test_the_list_holds_every_state_by_ascending_id_with_the_tasks_that_are_kept(
    alice, alice_api, new_project
):
    projects = [new_project(state, name=state) for state in ("finished", "newed", "started", "paused")]
    tasks = [task_in(alice, state, project=projects[0]) for state in ("finished", "abandoned", "planned")]
    answer = alice_api.get(PATH)
    assert [project["id"] for project in answer.data] == [project.pk for project in projects]
    assert answer.data[0]["relationships"]["tasks"]["data"] == [
        {"type": "task", "id": tasks[0].pk},
        {"type": "task", "id": tasks[2].pk},
    ]
    assert answer.data[1]["relationships"]["tasks"]["data"] == []


def test_the_list_holds_nobody_elses_projects(bob_api, new_project):
    new_project()
    assert bob_api.get(PATH).body == {
        "data": [],
        "links": {"first": f"/api/{PATH}?page=1", "last": f"/api/{PATH}?page=0"},
    }


def test_a_page_holds_25_projects_and_links_to_its_neighbours(alice_api, new_project):
    for number in range(51):
        new_project(name=f"number {number}")
    answer = alice_api.get(f"{PATH}?page=2")
    assert [project["attributes"]["name"] for project in answer.data] == [
        f"number {n}" for n in range(25, 50)
    ]
    assert answer.body["links"] == {
        "first": f"/api/{PATH}?page=1",
        "last": f"/api/{PATH}?page=3",
        "prev": f"/api/{PATH}?page=1",
        "next": f"/api/{PATH}?page=3",
    }


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "1.5", "%00"])
def test_an_odd_page_is_the_first(alice_api, new_project, page):
    project = new_project()
    assert [found["id"] for found in alice_api.get(f"{PATH}?page={page}").data] == [project.pk]


@pytest.mark.parametrize("page", ["2", "99999999999999999999999999"])
def test_a_page_beyond_the_last_is_empty_and_leads_nowhere(alice_api, new_project, page):
    new_project()
    answer = alice_api.get(f"{PATH}?page={page}")
    assert answer.body == {
        "data": [],
        "links": {"first": f"/api/{PATH}?page=1", "last": f"/api/{PATH}?page=1"},
    }


def test_the_list_takes_as_many_queries_for_many_projects_as_for_one(
    alice, alice_api, new_project, django_assert_num_queries, count_queries
):
    task_in(alice, "started", project=new_project(name="number 0"))
    few = count_queries(lambda: alice_api.get(PATH))
    for number in range(1, 20):
        task_in(alice, "started", project=new_project(name=f"number {number}"))
    assert count_queries(lambda: alice_api.get(PATH)) == few


def test_a_trailing_slash_makes_no_difference(alice_api):
    assert alice_api.post(f"{PATH}/", {"name": "Laura"}).status == 201
    assert len(alice_api.get(f"{PATH}/").data) == 1


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_nobody_is_unauthorized(alice, verb):
    assert Api().call(verb, PATH, {"name": "Laura"}).refused == (401, [("unauthorized", None)])
    assert not Project.objects.exists()


def test_without_accepted_terms_projects_are_listed_but_not_created(alice_api, unaccepted_terms):
    assert alice_api.get(PATH).status == 200
    assert alice_api.post(PATH, {"name": "Laura"}).refused == (403, [("tos_not_accepted", None)])
    assert not Project.objects.exists()


@pytest.mark.parametrize("verb", ["PATCH", "PUT", "DELETE"])
def test_other_verbs_are_missing_endpoints(alice_api, verb):
    assert alice_api.call(verb, PATH).refused == (404, [("missing_endpoint", None)])


@pytest.mark.parametrize("path", ["projects", "projects/1/tasks", "users/projects"])
def test_there_is_no_other_collection(alice_api, path):
    assert alice_api.get(path).refused == (404, [("missing_endpoint", None)])


def test_created_at_is_the_servers_now(alice_api):
    before = timezone.now()
    alice_api.post(PATH, {"name": "Laura", "created_at": "2001-01-01T00:00:00Z"})
    assert before <= Project.objects.get().created_at <= timezone.now()
