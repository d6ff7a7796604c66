"""podman plays the rendered Deployments, Secrets and ConfigMaps of the overlay `local`.

Podman 4.3 plays no Jobs, Services and StatefulSets, its probes need curl in the image, it knows no
projected volumes, and it does not decode the values of a Secret. So the test migrates by itself,
gives the addresses of the Services by hostAliases, leaves out the probes, and gives the values.
"""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support import container_pods, images, manifests, podman
from support.container_pods import Pods
from support.manifests import Manifest
from support.plain_http import NO_CERTIFICATES
from support.podman import Container
from support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # the first test builds the images
DEADLINE_SECONDS = 60
PLAY_SECONDS = 120  # each init container runs to its end, with half a core
QUICK = {
    "MAX_POSTS_PER_SUB": "25",
    "MAX_REQUESTS_PER_JOB": "3",
    "USER_SUB_FETCH_LIMIT": "0",
    "USER_SUB_ENQUEUE_MAX": "0",
}
# podman would publish the ports on each address of the host.
NOT_PLAYED = ("startupProbe", "livenessProbe", "readinessProbe", "lifecycle", "ports")
NAMES = ("played_1", "played_2", "played_3")


def playable(pods: Pods, addresses: dict[str, str], *names: str) -> str:
    """Return the named Deployments and all ConfigMaps in a form that podman plays.

    Without an address, all Secrets are added. Podman refuses to play one a second time.
    """
    kept = []
    for manifest in copy.deepcopy(pods.found):
        if manifest["kind"] == "ConfigMap":
            manifest["data"] |= QUICK
        elif manifest["kind"] == "Deployment" and manifest["metadata"]["name"] in names:
            manifest["spec"]["replicas"] = 1
            # Otherwise podman 4.3 removes an init container that may still run.
            kept_init = {"io.podman.annotations.init.container.type": "always"}
            manifest["metadata"]["annotations"] = kept_init
            spec = manifest["spec"]["template"]["spec"]
            hosts = [{"ip": ip, "hostnames": [name]} for name, ip in addresses.items()]
            spec["hostAliases"] = hosts
            for container in manifests.containers(spec):
                for kind in NOT_PLAYED:
                    container.pop(kind, None)
                values = pods.variables(container)
                for one in container.get("env", []):
                    one.pop("valueFrom", None)
                    one["value"] = values[one["name"]]
            for volume in spec["volumes"]:
                if "emptyDir" not in volume:
                    folder = pods.folder / manifest["metadata"]["name"] / volume["name"]
                    pods.write_secrets(volume, folder, group=spec["securityContext"]["fsGroup"])
                    for kind in ("projected", "secret"):
                        volume.pop(kind, None)
                    volume["hostPath"] = {"path": str(folder), "type": "Directory"}
        elif manifest["kind"] != "Secret" or addresses:
            continue
        kept.append(manifest)
    return yaml.safe_dump_all(kept)


def play(text: str, folder: Path, name: str, network: str) -> None:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    podman.call("kube", "play", "--network", network, path, timeout=PLAY_SECONDS)


def container_of(deployment: str) -> Container:
    return Container(f"{deployment}-pod-0-{deployment}")


def address_of(deployment: str) -> str:
    """Return the address of the pod. Its infra container has the network."""
    pod = podman.call("pod", "inspect", f"{deployment}-pod-0", "--format", "{{.InfraContainerID}}")
    return Container(pod.stdout.strip()).address


def test_the_played_deployments_crawl_the_sandbox(
    network: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    found = manifests.parsed(manifests.overlay("local"))
    helper = Pods(tmp_path, network, found, QUICK)
    postgres = helper.start_postgres()
    helper.run_job()
    play(playable(helper, {}, "sandbox"), tmp_path, "sandbox", network)
    addresses = {"postgres": postgres.address, "sandbox": address_of("sandbox")}
    with ThreadPoolExecutor(len(images.SERVICES)) as pool:
        texts = [playable(helper, addresses, service) for service in images.SERVICES]
        played = pool.map(play, texts, repeat(tmp_path), images.SERVICES, repeat(network))
        assert len([*played]) == len(images.SERVICES)
    url = f"http://{address_of('admin-api')}:8000"
    wait_until(
        lambda: is_ready(url),
        timeout=DEADLINE_SECONDS,
        every=0.2,
        describe=lambda: container_of("admin-api").logs(),
    )
    token = container_pods.secret(found, "crawljobs-admin-api")["token"]
    with httpx.Client(
        base_url=f"{url}/api/admin",
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
        verify=NO_CERTIFICATES,
    ) as api:
        ids = [api.post("/jobs", json={"subreddit": name}).json()["job"]["id"] for name in NAMES]
        wait_until(
            lambda: {status(api, job_id) for job_id in ids} == {"succeeded"},
            timeout=DEADLINE_SECONDS,
            every=0.2,
            describe=lambda: container_of("crawler-worker").logs(),
        )
    for service in images.SERVICES:
        spec = manifests.find(found, "Deployment", service)["spec"]["template"]["spec"]
        check_container(container_of(service), spec)
        grace = spec["terminationGracePeriodSeconds"]
        code, seconds = container_of(service).stop(grace)
        assert (code, seconds < grace) == (0, True), container_of(service).logs()
        figure(f"kube play, {service}: SIGTERM, exit code {code} after {seconds:.1f} s")


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, verify=NO_CERTIFICATES).status_code == 200
    except httpx.TransportError:
        return False


def status(api: httpx.Client, job_id: int) -> Any:
    return api.get(f"/jobs/{job_id}").json()["status"]


def check_container(container: Container, spec: Manifest) -> None:
    """Check that podman applied the user, the rights and the limits of the manifest."""
    (manifest,) = spec["containers"]
    seen = container.inspect()
    context = spec["securityContext"]
    assert seen["Config"]["User"] == f"{context['runAsUser']}:{context['runAsGroup']}"
    limits = manifest["resources"]["limits"]
    assert seen["HostConfig"]["Memory"] == container_pods.quantity(limits["memory"])
    assert seen["HostConfig"]["ReadonlyRootfs"] is True
    assert "no-new-privileges" in seen["HostConfig"]["SecurityOpt"]
    assert seen["EffectiveCaps"] in (None, [])
    volumes = {mount["Destination"] for mount in seen["Mounts"]}
    assert {mount["mountPath"] for mount in manifest["volumeMounts"]} <= volumes
