"""The manifests are valid, and use only names that the code and the images have."""

import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from crawler_worker import worker_process
from crawljobs import settings
from crawljobs.db.administration import grants
from crawljobs.runtime.outbound import address_rules
from support import images, manifests, needs, refused_targets, service_variables
from support.manifests import Manifest

README = (manifests.KUBERNETES / "README.md").read_text()
# hpa excludes keda, and kube-prometheus-stack contains monitoring.
ALONE = {"hpa", "monitoring", "sandbox"}
ALL = tuple(sorted({*manifests.COMPONENTS} - ALONE))
# Variables of libpq. The client library reads them itself.
LIBPQ = {"PGSSLMODE", "PGSSLROOTCERT"}
# Seconds after the drain and LATE_SECONDS of a worker: it sends its last spans and ends.
END_SECONDS = 5
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


# The operator CloudNativePG makes this secret.
OF_OPERATOR = {"crawljobs-database-app": {"uri"}}


def documented() -> dict[str, set[str]]:
    """Return the keys of each secret that the README documents."""
    return {
        name: set(re.findall(r"`([^`]+)`", keys))
        for name, keys in re.findall(
            r"^\| `(crawljobs-[a-z-]+)` \| ([^|]+)\|", README, re.MULTILINE
        )
    }


def test_every_file_of_a_secret_is_mounted_and_every_secret_documented(
    found: list[Manifest],
) -> None:
    for name, pod in our_pods(found):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in manifests.containers(pod):
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounts.values()) <= set(volumes)
            for one in container.get("env", []):
                if one["name"].endswith("_FILE"):
                    folder, _, key = one["value"].rpartition("/")
                    volume = volumes[mounts[folder]]
                    assert key in keys_of(volume), (name, one)


def keys_of(volume: Manifest) -> set[str]:
    """Return the names of the files in a volume of secrets."""
    return {file for secret in secrets_of(volume) for file in secret[1]}


def secrets_of(volume: Manifest) -> list[tuple[str, set[str]]]:
    """Return the name and the files of each secret in a volume. Check that all are documented."""
    if "projected" in volume:
        sources = [source["secret"] for source in volume["projected"]["sources"]]
    elif "secret" in volume:
        sources = [{**volume["secret"], "name": volume["secret"]["secretName"]}]
    else:
        return []
    shown = []
    for source in sources:
        # Remove the suffix that a generator added.
        name = re.sub(r"-[a-z0-9]{10}$", "", source["name"])
        keys = {**documented(), **OF_OPERATOR}[name]
        assert {item["key"] for item in source.get("items", [])} <= keys, name
        shown.append((name, {item["path"] for item in source.get("items", [])} or keys))
    return shown


def test_each_service_knows_the_password_of_its_own_role_alone(found: list[Manifest]) -> None:
    for service in images.SERVICES:
        pod = manifests.find(found, "Deployment", service)["spec"]["template"]["spec"]
        secrets = [one for volume in pod["volumes"] for one in secrets_of(volume)]
        known = {name: files for name, files in secrets if name.startswith("crawljobs-database")}
        assert set(known) == {f"crawljobs-database-{service}", "crawljobs-database-ca"}
        assert known[f"crawljobs-database-{service}"] <= {"url", "pooled-url"}
        assert known["crawljobs-database-ca"] == {"ca.crt"}
    for scaler in (m for m in found if m["kind"] == "TriggerAuthentication"):
        (secret,) = scaler["spec"]["secretTargetRef"]
        assert secret["name"] == "crawljobs-database-metrics"


def test_the_job_makes_every_role_and_then_migrates_as_the_owner(found: list[Manifest]) -> None:
    (pod,) = [m["spec"]["template"]["spec"] for m in found if m["kind"] == "Job"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (first,), (migration,) = pod["initContainers"], pod["containers"]
    assert first["args"] == ["roles", "--keep"]
    told = {one["name"]: one["value"].rpartition("/")[2] for one in first["env"]}
    del told["DATABASE_URL_FILE"]
    assert told == {
        f"{role.upper()}_DATABASE_PASSWORD_FILE": role.replace("_", "-")
        for role in grants.ROLES
        if role != grants.READER  # an administrator sets this password by hand
    }
    passwords = {file: name for name, (file,) in secrets_of(volumes["passwords"])}
    assert passwords == {file: f"crawljobs-database-{file}" for file in told.values()}
    assert migration["env"][0]["value"].startswith("/run/secrets/crawljobs/database/")
    mounted = {mount["name"] for mount in migration["volumeMounts"]}
    assert mounted == {"tmp", "database"}
    assert secrets_of(volumes["database"])[0][0] == "crawljobs-database-owner"


def test_probes_ask_paths_and_ports_that_answer(found: list[Manifest]) -> None:
    for service in images.SERVICES:
        pod = manifests.find(found, "Deployment", service)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        asked = {
            kind: container[kind]["httpGet"]
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        # Only the API's readiness probe uses the public port. Other probes use the probe port.
        public = {"readinessProbe"} if service == "admin-api" else set()
        assert {kind for kind, get in asked.items() if ports[get["port"]] == 8000} == public
        assert {ports[get["port"]] for get in asked.values()} <= {8000, 8081}
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

    # A longer grace would hide a drain that was raised alone, and a shorter one kills the worker.
    drain = float(shared["DRAIN_SECONDS"])
    assert grace("crawler-worker") == drain + worker_process.LATE_SECONDS + END_SECONDS
    assert grace("admin-api") >= 5 + GUNICORN_GRACE
    assert float(shared["LEASE_SECONDS"]) >= float(shared["DRAIN_SECONDS"])
    api = manifests.find(found, "Deployment", "admin-api")["spec"]
    assert api["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] == {
        "sleep": {"seconds": 5}
    }
    assert api["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_one_file_of_the_overlay_has_the_drain_and_the_grace() -> None:
    file = manifests.KUBERNETES / "overlays" / "production" / "drain.yaml"
    shared, worker = yaml.safe_load_all(file.read_text())
    late = worker_process.LATE_SECONDS + END_SECONDS
    drain = float(shared["data"]["DRAIN_SECONDS"])
    assert worker["spec"]["template"]["spec"] == {"terminationGracePeriodSeconds": drain + late}
    assert f"must be {late:g} s longer than `DRAIN_SECONDS`" in README
    rendered = manifests.parsed(manifests.overlay("production"))
    for patch in (shared, worker):
        assert manifests.find(rendered, patch["kind"], patch["metadata"]["name"])
    base = manifests.parsed((manifests.KUBERNETES / "base" / "settings.yaml").read_text())
    known = manifests.find(base, "ConfigMap", "crawljobs-settings")["data"]
    assert known["DRAIN_SECONDS"] == shared["data"]["DRAIN_SECONDS"], "the overlay changes it"


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
    world = {
        (policy["metadata"]["name"], *sorted({port["port"] for port in rule["ports"]}))
        for policy in found
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("egress", [])
        if "ipBlock" in str(rule)
    }
    world.discard(("crawljobs-dns-anywhere", 53))  # it is a component
    world.discard(("scheduler-webhooks", 443, 8443))  # it is a component
    assert world == {("crawljobs-names-and-database", 53), ("crawler-worker-reddit", 443)}
    known = {8000, 8081, 5432, 6432, 8090, 53, 443, 4318, 8443}
    for policy in (m["spec"] for m in found if m["kind"] == "NetworkPolicy"):
        for rule in [*policy.get("ingress", []), *policy.get("egress", [])]:
            assert {port["port"] for port in rule["ports"]} <= known
            assert rule.get("from") or rule.get("to"), "a rule without a peer means everybody"


def test_pods_ask_for_names_at_the_resolvers_of_the_cluster_alone(found: list[Manifest]) -> None:
    rules = manifests.find(found, "NetworkPolicy", "crawljobs-names-and-database")["spec"]["egress"]
    (names,) = [rule for rule in rules if {"protocol": "UDP", "port": 53} in rule["ports"]]
    assert {"protocol": "TCP", "port": 53} in names["ports"]
    blocks = {peer["ipBlock"]["cidr"] for peer in names["to"] if "ipBlock" in peer}
    assert blocks == {"169.254.20.10/32"}
    (pods,) = [peer for peer in names["to"] if "podSelector" in peer]
    assert pods["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
    assert pods["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "kube-system"
    }


@pytest.mark.parametrize("components", [(), ("dns-anywhere",)])
def test_only_a_component_opens_the_dns_port_to_every_address(
    components: tuple[str, ...], tmp_path: Path
) -> None:
    made = manifests.with_components(tmp_path, *components)
    assert made.returncode == 0, made.stderr
    rules = [
        rule
        for policy in manifests.parsed(made.stdout)
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("egress", [])
        if {"protocol": "UDP", "port": 53} in rule["ports"]
    ]
    reached = {
        peer["ipBlock"]["cidr"] for rule in rules for peer in rule["to"] if "ipBlock" in peer
    }
    assert reached == {"169.254.20.10/32"} | ({"0.0.0.0/0", "::/0"} if components else set())
    assert all(rule.get("to") for rule in rules), "a rule without a peer allows every address"


def test_the_way_of_webhooks_is_that_of_the_guard(tmp_path: Path) -> None:
    made = manifests.with_components(tmp_path, "webhooks")
    assert made.returncode == 0, made.stderr
    found = manifests.parsed(made.stdout)
    policy = manifests.find(found, "NetworkPolicy", "scheduler-webhooks")["spec"]
    (rule,) = policy["egress"]
    ports = {port["port"] for port in rule["ports"]}
    chosen = settings.OutboundSettings()
    assert [port for port in range(1, 65_536) if chosen.allows_port(port)] == sorted(ports)
    excepted = {net for peer in rule["to"] for net in peer["ipBlock"]["except"]}
    samples = [
        *(address for net in excepted for address in _ends(net)),
        *(ip_address(host.strip("[]")) for host in _literals(refused_targets.HOSTS)),
        *map(ip_address, (refused_targets.PUBLIC, refused_targets.PUBLIC_6)),
    ]
    assert len(samples) > 80
    for address in samples:
        # An IPv4 address inside an IPv6 address is not seen by a policy.
        embeds = address.version == 6 and (int(address) >> 32) & 0xFFFF == 0x5EFE
        is_refused = address_rules.refusal(address, ()) is not None
        assert embeds or _reaches(rule, address) != is_refused, address


def _ends(network: str) -> list[address_rules.Address]:
    found = ip_network(network)
    return [found[0], found[-1]]


def _literals(hosts: str) -> list[str]:
    """Return the hosts that are addresses in the notation of ipaddress."""
    return [host for host in hosts.split() if _is_address(host.strip("[]"))]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _reaches(rule: Manifest, address: address_rules.Address) -> bool:
    return any(
        address in ip_network(peer["ipBlock"]["cidr"])
        and not any(address in ip_network(net) for net in peer["ipBlock"]["except"])
        for peer in rule["to"]
    )


def allowed_peers(found: list[Manifest]) -> dict[int, list[Manifest]]:
    """Return the peers that may reach the pods of the database, by port."""
    spec = manifests.find(found, "NetworkPolicy", "crawljobs-database")["spec"]
    assert spec["policyTypes"] == ["Ingress"]
    peers: dict[int, list[Manifest]] = {}
    for rule in spec["ingress"]:
        for port in rule["ports"]:
            peers.setdefault(port["port"], []).extend(rule["from"])
    return peers


def test_only_what_needs_the_database_may_reach_its_pods(found: list[Manifest]) -> None:
    spec = manifests.find(found, "NetworkPolicy", "crawljobs-database")["spec"]
    out = manifests.find(found, "NetworkPolicy", "crawljobs-names-and-database")["spec"]
    assert spec["podSelector"] == out["egress"][1]["to"][0]["podSelector"]
    for one in (m for m in found if m["kind"] == "StatefulSet"):
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    peers = allowed_peers(found)
    ours, *others = peers[5432]
    assert ours["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "crawljobs"}
    (names,) = ours["podSelector"]["matchExpressions"]
    users = {name for name, _ in our_pods(found)} - {"sandbox", "otel-collector"}
    assert {re.sub(r"^migrate-.*", "migrate", name) for name in users} <= set(names["values"])
    assert set(names["values"]) == {
        *("admin-api", "crawler-worker", "scheduler", "migrate", "pgbouncer")
    }
    kinds = {manifest["kind"] for manifest in found}
    text = str(others)
    assert ("cnpg-system" in text) is ("'cnpg.io/cluster'" in text) is ("Cluster" in kinds)
    assert ("keda-operator" in text) is ("ScaledObject" in kinds)
    assert all(peer.get("podSelector") or peer.get("namespaceSelector") for peer in others)
    assert set(peers) <= {5432, 8000}
    assert "part-of" not in str(peers.get(8000, []))


def leads_to(rule: dict[str, Any], path: str) -> bool:
    """Match a path as the Ingress does: a prefix matches whole segments of the path."""
    if rule["pathType"] == "Exact":
        return path == str(rule["path"])
    assert rule["pathType"] == "Prefix"
    return f"{path}/".startswith(f"{rule['path'].rstrip('/')}/")


def test_the_ingress_leads_to_the_api_and_its_pages_alone(found: list[Manifest]) -> None:
    for ingress in (m for m in found if m["kind"] == "Ingress"):
        assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
        paths = ingress["spec"]["rules"][0]["http"]["paths"]
        for path in paths:
            backend = path["backend"]["service"]
            service = manifests.find(found, "Service", backend["name"])
            (port,) = service["spec"]["ports"]
            assert port["name"] == backend["port"]["name"] == port["targetPort"] == "http"
        for wanted in ("/", "/docs", "/docs/openapi.json", "/api/openapi.json", "/api/admin/jobs"):
            assert any(leads_to(path, wanted) for path in paths), wanted
        for inside in ("/healthz", "/readyz", "/startupz", "/metrics", "/docsx", "/apix"):
            assert not any(leads_to(path, inside) for path in paths), inside


def test_production_verifies_the_certificate_of_postgres() -> None:
    found = manifests.parsed(manifests.overlay("production"))
    shared = manifests.find(found, "ConfigMap", "crawljobs-settings")["data"]
    assert shared["PGSSLMODE"] == "verify-full"
    folder, _, key = shared["PGSSLROOTCERT"].rpartition("/")
    for _, pod in our_pods(found):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in manifests.containers(pod):
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert key in keys_of(volumes[mounts[folder]])
    assert not [m for m in found if m["kind"] == "Secret"]


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


def test_the_stack_of_prometheus_finds_monitors_rules_and_dashboards(tmp_path: Path) -> None:
    """The chart selects monitors and rules by `release`, and dashboards by `grafana_dashboard`."""
    made = manifests.with_components(tmp_path, "kube-prometheus-stack")
    assert made.returncode == 0, made.stderr
    found = manifests.parsed(made.stdout)
    for kind in ("ServiceMonitor", "PrometheusRule"):
        labels = manifests.find(found, kind, "crawljobs")["metadata"]["labels"]
        assert labels == {"release": "kube-prometheus-stack"}
    boards = manifests.find(found, "ConfigMap", "crawljobs-dashboards")
    assert boards["metadata"]["labels"] == {"grafana_dashboard": "1"}
    folder = images.ROOT / "deploy" / "monitoring" / "dashboards"
    assert boards["data"] == {path.name: path.read_text() for path in folder.glob("*.json")}


def test_every_folder_is_in_the_guide_and_every_component_in_a_test() -> None:
    listed = set(re.findall(r"^\| `((?:base|overlays|components)[a-z/-]*)`", README, re.MULTILINE))
    there = {"base"} | {f"overlays/{name}" for name in manifests.OVERLAYS}
    assert listed == there | {f"components/{name}" for name in manifests.COMPONENTS}
    assert {*ALL, *ALONE} == set(manifests.COMPONENTS)


def test_without_the_component_clients_reach_gunicorn_without_a_proxy() -> None:
    """The gunicorn worker class of the API protects this kind of deployment (decision 108)."""
    found = manifests.parsed(manifests.overlay("local"))
    assert not [m for m in found if m["kind"] == "Ingress"]
    (port,) = manifests.find(found, "Service", "admin-api")["spec"]["ports"]
    (pod,) = (pod for name, pod in manifests.pods(found) if name == "admin-api")
    ports = {each["name"] for c in manifests.containers(pod) for each in c.get("ports", [])}
    assert port["targetPort"] in ports
