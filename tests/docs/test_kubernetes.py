"""docs/kubernetes.md: Kubernetes knows all that its manifests say, and each name is one of this project."""

import copy
import re
import shlex
from dataclasses import fields

import pytest
import yaml
from django.core.management import get_commands
from django.urls import resolve

from notifications.conf import CableSettings
from tests.docs.pages import block, blocks
from tests.docs.proxies import HOST
from tests.support.required import missing
from tests.support.site import ROOT

PAGE = "docs/kubernetes.md"
# The exit after a drain: see docs/operations.md, Deploy.
AFTER_THE_DRAIN = 5
MANIFESTS = {
    (each["kind"], each["metadata"].get("name", each["metadata"].get("generateName"))): each
    for shown in blocks(PAGE, "yaml")
    for each in yaml.safe_load_all(shown.text)
}
POD = MANIFESTS["Deployment", "lessy"]["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
JOB = MANIFESTS["Job", "lessy-migrate-"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def kubernetes():
    """kubernetes(manifest, version): the version of the schema that it was compared with."""
    try:
        import kubernetes_validate
    except ImportError:
        missing("kubernetes-validate (make setup)")
    return lambda manifest, version: kubernetes_validate.validate(manifest, version, strict=True)


def versions():
    """The first and the last that the page names."""
    first, last = re.search(r"Kubernetes (1\.\d+) to (1\.\d+)", text_of_the_page()).groups()
    return [first, last]


@pytest.mark.parametrize("kind", [kind for kind, _ in MANIFESTS])
def test_22_each_manifest_fits_the_schemas_of_kubernetes(kubernetes, kind):
    [manifest] = [each for (its_kind, _), each in MANIFESTS.items() if its_kind == kind]
    assert [kubernetes(manifest, version) for version in versions()] == versions()


def test_22_a_misspelt_field_deep_in_a_manifest_does_not_fit(kubernetes):
    manifest = copy.deepcopy(MANIFESTS["Deployment", "lessy"])
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    container["livenessProbe"]["periodSecond"] = 10
    for version in versions():
        with pytest.raises(Exception, match="'periodSecond' was unexpected"):
            kubernetes(manifest, version)


def environment(container):
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_22_the_manifests_are_those_of_which_the_page_speaks():
    kinds = {kind for kind, _ in MANIFESTS}
    assert kinds == {"Job", "Deployment", "Service", "Ingress", "PodDisruptionBudget"}


def test_22_selectors_ports_and_services_fit():
    labels = MANIFESTS["Deployment", "lessy"]["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert MANIFESTS[kind, "lessy"]["spec"]["selector"]["matchLabels"] == labels
    service = MANIFESTS["Service", "lessy"]["spec"]
    assert service["selector"] == labels
    [port] = CONTAINER["ports"]
    [served] = service["ports"]
    assert served["targetPort"] == port["name"]
    bind = CONTAINER["command"][CONTAINER["command"].index("--bind") + 1]
    assert bind == f"0.0.0.0:{port['containerPort']}"
    ingress = MANIFESTS["Ingress", "lessy"]["spec"]
    [rule] = ingress["rules"]
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "lessy", "port": {"name": served["name"]}}
    assert rule["host"] == ingress["tls"][0]["hosts"][0] == HOST


@pytest.mark.parametrize("container", [CONTAINER, *JOB["containers"]], ids=lambda each: each["name"])
def test_22_each_command_is_one_of_manage_py(container):
    program, script, command, *_ = container["command"]
    assert (program, script) == ("python", "manage.py")
    assert command in get_commands()


def variables():
    names = {name for each in (CONTAINER, *JOB["containers"]) for name in environment(each)}
    secret = [line.partition("=")[0] for line in shlex.split(block(PAGE, "ini").text)]
    return sorted(names | set(secret) | set(re.findall(r"`((?:CABLE|LESSY)_\w+)`", text_of_the_page())))


def text_of_the_page():
    return (ROOT / PAGE).read_text()


@pytest.mark.parametrize("name", variables())
def test_22_each_variable_is_one_of_this_project(name):
    read = re.findall(r'environment\.\w+\(\s*"(\w+)"', (ROOT / "lessy/settings.py").read_text())
    assert name in {*read, *(f"CABLE_{entry.name.upper()}" for entry in fields(CableSettings))}


def test_22_both_pods_have_the_same_secret_and_what_a_boot_needs():
    for container in (CONTAINER, *JOB["containers"]):
        assert container["envFrom"] == [{"secretRef": {"name": "lessy"}}]
        assert environment(container)["DJANGO_ALLOWED_HOSTS"] == HOST
        assert environment(container)["LESSY_TRUSTED_PROXIES"] == "1"


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_22_each_probe_asks_a_path_that_there_is_with_a_host_that_is_allowed(probe):
    asked = CONTAINER[probe]["httpGet"]
    assert resolve(asked["path"])
    assert asked["path"] == ("/health/ready" if probe == "readinessProbe" else "/health/live")
    assert asked["port"] == CONTAINER["ports"][0]["name"]
    assert asked["httpHeaders"] == [{"name": "Host", "value": HOST}]


def test_22_a_pod_is_given_the_time_that_its_drain_takes():
    program, seconds = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    drain = environment(CONTAINER)["CABLE_DRAIN_SECONDS"]
    assert program == "sleep"
    assert POD["terminationGracePeriodSeconds"] > int(seconds) + int(drain) + AFTER_THE_DRAIN
    told = f"{seconds} + {drain} + {AFTER_THE_DRAIN} < {POD['terminationGracePeriodSeconds']}"
    assert told in text_of_the_page()


def test_22_a_rollout_never_has_fewer_pods_than_it_should():
    strategy = MANIFESTS["Deployment", "lessy"]["spec"]["strategy"]
    assert strategy["rollingUpdate"]["maxUnavailable"] == 0
    budget = MANIFESTS["PodDisruptionBudget", "lessy"]["spec"]
    assert budget["minAvailable"] < MANIFESTS["Deployment", "lessy"]["spec"]["replicas"]


def test_22_no_timeout_of_the_ingress_is_shorter_than_two_pings():
    found = MANIFESTS["Ingress", "lessy"]["metadata"]["annotations"]
    assert all(int(seconds) > 6 for seconds in found.values())
