"""Manifests render, are valid, and name only what the code and the images have."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from crawljobs import settings
from crawljobs.db.database import Connection
from support import images, manifests, needs, service_variables
from support.jobs import enqueue
from support.manifests import Manifest

README = (manifests.KUBERNETES / "README.md").read_text()
ALL = tuple(sorted({*manifests.COMPONENTS} - {"hpa", "sandbox"}))
# Of libpq, which the client library reads by itself.
LIBPQ = {"PGSSLMODE", "PGSSLROOTCERT"}
# Beyond a worker's drain: a reply that is waited for, and giving back.
LATE_SECONDS = 15
GUNICORN_GRACE = 20
THEIRS = ("postgres", "pgbouncer")


@pytest.fixture(scope="module", params=[*manifests.OVERLAYS, "every component"])
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param in manifests.OVERLAYS:
        return manifests.overlay(request.param)
    made = manifests.with_components(tmp_path_factory.mktemp("k8s"), *ALL)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def found(rendered: str) -> list[Manifest]:
    return manifests.parsed(rendered)


def our_pods(found: list[Manifest]) -> list[tuple[str, Manifest]]:
    return [(name, pod) for name, pod in manifests.pods(found) if name not in THEIRS]


def test_every_manifest_is_valid_by_the_schemas_of_kubernetes(
    rendered: str, tmp_path: Path
) -> None:
    (tmp_path / "all.yaml").write_text(rendered)
    checked = subprocess.run(
        [needs.checker("kubernetes-validate"), "--strict", "--quiet", tmp_path / "all.yaml"],
        capture_output=True,
        text=True,
        timeout=manifests.DEADLINE_SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    unknown = set(re.findall(r"schema for kind (\w+)", checked.stdout + checked.stderr))
    operators = {"Cluster", "PrometheusRule", "ScaledObject", "ServiceMonitor"}
    assert unknown <= operators | {"TriggerAuthentication"}


def test_pods_meet_the_restricted_profile(found: list[Manifest]) -> None:
    for name, pod in manifests.pods(found):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in manifests.containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context.get("readOnlyRootFilesystem") is True or name == "postgres"
            assert {"cpu", "memory"} == set(container["resources"]["requests"])
            assert {"cpu", "memory"} == set(container["resources"]["limits"])
    for account in (m for m in found if m["kind"] == "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_images_run_as_the_user_they_are_built_for(found: list[Manifest]) -> None:
    for name, pod in our_pods(found):
        context = pod["securityContext"]
        user = f"{context['runAsUser']}:{context['runAsGroup']}"
        for container in manifests.containers(pod):
            target = container["image"].split(":")[0].removeprefix("crawljobs-")
            assert target in images.TARGETS, name
            assert user == images.read(target).user
            assert "command" not in container, "the image's own is what was tested"


def test_ports_are_those_of_the_images(found: list[Manifest]) -> None:
    for name, pod in our_pods(found):
        for container in pod["containers"]:
            ports = {port["containerPort"] for port in container.get("ports", [])}
            target = container["image"].split(":")[0].removeprefix("crawljobs-")
            assert ports == set(images.read(target).ports), name


def test_every_variable_is_one_that_the_code_reads(found: list[Manifest]) -> None:
    known = service_variables.known() | LIBPQ
    for name, pod in our_pods(found):
        for container in manifests.containers(pod):
            assert {one["name"] for one in container.get("env", [])} <= known, name
    shared = manifests.find(found, "ConfigMap", "crawljobs-settings")["data"]
    assert set(shared) <= known
    settings.read_queue_settings(shared)
    reddit = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "secret"}
    settings.read_reddit_settings({**shared, **reddit})


def test_every_file_of_a_secret_is_mounted_and_every_secret_documented(
    found: list[Manifest],
) -> None:
    documented: dict[str, set[str]] = {
        name: set(re.findall(r"`([^`]+)`", keys))
        for name, keys in re.findall(
            r"^\| `(crawljobs-[a-z-]+)` \| ([^|]+)\|", README, re.MULTILINE
        )
    }
    for name, pod in our_pods(found):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in manifests.containers(pod):
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounts.values()) <= set(volumes)
            for one in container.get("env", []):
                if one["name"].endswith("_FILE"):
                    folder, _, key = one["value"].rpartition("/")
                    volume = volumes[mounts[folder]]
                    assert key in keys_of(volume, documented), (name, one)


def keys_of(volume: Manifest, documented: dict[str, set[str]]) -> set[str]:
    """The files that a volume of secrets shows."""
    if "projected" in volume:
        sources = [source["secret"] for source in volume["projected"]["sources"]]
        return {item["path"] for source in sources for item in source["items"]}
    secret = volume["secret"]
    name = re.sub(r"-[a-z0-9]{10}$", "", secret["secretName"])  # what a generator added
    assert name in documented
    assert {item["key"] for item in secret.get("items", [])} <= documented[name]
    return {item["path"] for item in secret.get("items", [])} or documented[name]


def test_probes_ask_paths_and_ports_that_answer(found: list[Manifest]) -> None:
    for service in images.SERVICES:
        pod = manifests.find(found, "Deployment", service)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        asked = {
            kind: container[kind]["httpGet"]
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        own = 8000 if service == "admin-api" else 8081
        assert {ports[get["port"]] for get in asked.values()} == {own}
        assert asked["livenessProbe"]["path"] == "/healthz"
        assert asked["readinessProbe"]["path"] == "/readyz"
        start = "/healthz" if service == "admin-api" else "/startupz"
        assert asked["startupProbe"]["path"] == start
        for kind in asked:
            assert container[kind]["timeoutSeconds"] > 2  # /readyz answers within 2 s


def test_the_grace_is_longer_than_the_drain(found: list[Manifest]) -> None:
    shared = manifests.find(found, "ConfigMap", "crawljobs-settings")["data"]

    def grace(name: str) -> int:
        spec = manifests.find(found, "Deployment", name)["spec"]["template"]["spec"]
        return int(spec["terminationGracePeriodSeconds"])

    assert grace("crawler-worker") >= float(shared["DRAIN_SECONDS"]) + LATE_SECONDS
    assert grace("admin-api") >= 5 + GUNICORN_GRACE
    assert float(shared["LEASE_SECONDS"]) >= float(shared["DRAIN_SECONDS"])
    api = manifests.find(found, "Deployment", "admin-api")["spec"]
    assert api["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] == {
        "sleep": {"seconds": 5}
    }
    assert api["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_every_service_has_a_budget_for_disruptions_and_is_spread(found: list[Manifest]) -> None:
    for service in images.SERVICES:
        budget = manifests.find(found, "PodDisruptionBudget", service)["spec"]
        deployment = manifests.find(found, "Deployment", service)["spec"]
        assert budget["selector"] == deployment["selector"]
        spread = deployment["template"]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
    assert manifests.find(found, "Deployment", "scheduler")["spec"]["replicas"] == 2


def test_pods_wait_for_the_schema_of_their_own_version(found: list[Manifest]) -> None:
    (job,) = [m for m in found if m["kind"] == "Job"]
    migration = job["spec"]["template"]["spec"]["containers"][0]
    assert migration["args"] == ["upgrade"]
    _, _, tag = migration["image"].partition(":")
    assert job["metadata"]["name"] == "-".join(["migrate", *filter(None, tag.split("."))])
    for service in images.SERVICES:
        pod = manifests.find(found, "Deployment", service)["spec"]["template"]["spec"]
        (first,) = pod["initContainers"]
        assert first["args"][0] == "wait"
        assert first["image"] == migration["image"]
        assert pod["containers"][0]["image"].partition(":")[2] == tag


def test_whoever_is_ours_may_reach_only_what_a_policy_names(found: list[Manifest]) -> None:
    deny = manifests.find(found, "NetworkPolicy", "crawljobs-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in deny
    assert "ingress" not in deny
    for manifest in found:
        if manifest["kind"] in ("Deployment", "Job"):
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert labels["app.kubernetes.io/part-of"] == "crawljobs", manifest["metadata"]["name"]
    world = [
        policy["metadata"]["name"]
        for policy in found
        if policy["kind"] == "NetworkPolicy" and "ipBlock" in str(policy["spec"])
    ]
    assert world == ["crawler-worker-reddit"]
    known = {8000, 8081, 5432, 6432, 8090, 53, 443, 4318}
    for policy in (m["spec"] for m in found if m["kind"] == "NetworkPolicy"):
        for rule in [*policy.get("ingress", []), *policy.get("egress", [])]:
            assert {port["port"] for port in rule["ports"]} <= known
            assert rule.get("from") or rule.get("to"), "a rule without a peer means everybody"


def test_the_ingress_leads_to_the_api_and_never_to_the_metrics(found: list[Manifest]) -> None:
    for ingress in (m for m in found if m["kind"] == "Ingress"):
        assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        backend = path["backend"]["service"]
        service = manifests.find(found, "Service", backend["name"])
        (port,) = service["spec"]["ports"]
        assert port["name"] == backend["port"]["name"] == port["targetPort"] == "http"


def test_production_verifies_the_certificate_of_postgres() -> None:
    found = manifests.parsed(manifests.overlay("production"))
    shared = manifests.find(found, "ConfigMap", "crawljobs-settings")["data"]
    assert shared["PGSSLMODE"] == "verify-full"
    folder, _, key = shared["PGSSLROOTCERT"].rpartition("/")
    for _, pod in our_pods(found):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in manifests.containers(pod):
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert key in keys_of(volumes[mounts[folder]], {})
    assert not [m for m in found if m["kind"] == "Secret"]


def test_a_second_scaler_of_the_workers_is_refused(tmp_path: Path) -> None:
    for name in ("hpa", "keda"):
        (tmp_path / name).mkdir()
        alone = manifests.with_components(tmp_path / name, name)
        assert alone.returncode == 0, alone.stderr
        worker = manifests.find(manifests.parsed(alone.stdout), "Deployment", "crawler-worker")
        assert "replicas" not in worker["spec"]
    both = manifests.with_components(tmp_path, "hpa", "keda")
    assert both.returncode != 0
    assert "replicas" in both.stderr


def scaler_query() -> str:
    path = manifests.KUBERNETES / "components/keda/scaled-object.yaml"
    scaled = manifests.find(manifests.parsed(path.read_text()), "ScaledObject", "crawler-worker")
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["targetQueryValue"] == "1"
    query: str = trigger["metadata"]["query"]
    return query


@pytest.mark.parametrize(
    ("jobs", "budget", "workers"),
    [
        (0, None, 0),
        (1, None, 1),
        (40, None, 1),  # no budget is known yet
        (40, (1000, 600), 2),  # a hundred a minute feed two
        (17, (60_000, 600), 2),
        (40, (60_000, 600), 3),
        (40, (10, 600), 1),
    ],
)
def test_the_scaler_wants_as_many_workers_as_there_is_work_and_budget(
    conn: Connection, jobs: int, budget: tuple[int, int] | None, workers: int
) -> None:
    for number in range(jobs):
        enqueue(conn, f"sub{number}")
    if budget is not None:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, requests_per_window, window_seconds) "
                "VALUES ('id', :requests, :seconds)"
            ),
            {"requests": budget[0], "seconds": budget[1]},
        )
    wanted: Any = conn.execute(text(scaler_query())).scalar_one()
    assert wanted == workers
    assert isinstance(wanted, int)


def test_the_rules_are_those_that_are_tested() -> None:
    own = yaml.safe_load((images.ROOT / "deploy/monitoring/alerts.yaml").read_text())
    found = manifests.parsed(manifests.overlay("production"))
    assert manifests.find(found, "PrometheusRule", "crawljobs")["spec"]["groups"] == own["groups"]
    monitor = manifests.find(found, "ServiceMonitor", "crawljobs")["spec"]
    service = manifests.find(found, "Service", "crawljobs-metrics")
    labels = monitor["selector"]["matchLabels"].items()
    assert labels <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert service["spec"]["ports"][0]["port"] == 8081


def test_every_folder_is_in_the_guide_and_every_component_in_a_test() -> None:
    listed = set(re.findall(r"^\| `((?:base|overlays|components)[a-z/-]*)`", README, re.MULTILINE))
    there = {"base"} | {f"overlays/{name}" for name in manifests.OVERLAYS}
    assert listed == there | {f"components/{name}" for name in manifests.COMPONENTS}
    assert {*ALL, "hpa", "sandbox"} == set(manifests.COMPONENTS)
