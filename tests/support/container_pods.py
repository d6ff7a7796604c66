"""Run pods of the rendered manifests as containers, with the flags that the manifests imply."""

import base64
import itertools
import os
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from support import images, manifests, podman, probes
from support.manifests import Manifest
from support.podman import Container
from support.waiting import wait_until

UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
DEADLINE_SECONDS = 60


def quantity(text: str) -> float:
    """Return the number that a quantity of Kubernetes means, such as 500m or 64Mi."""
    if text[-2:] in UNITS:
        return float(text[:-2]) * UNITS[text[-2:]]
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


@dataclass
class RunningPod:
    """A container of a Deployment, with the numbers of its manifest."""

    service: str
    container: Container
    spec: Manifest  # of the pod
    seconds_to_ready: float = 0.0

    @property
    def manifest(self) -> Manifest:
        (only,) = self.spec["containers"]
        return dict(only)

    @property
    def grace(self) -> float:
        return float(self.spec["terminationGracePeriodSeconds"])

    @property
    def memory_limit(self) -> int:
        return int(quantity(self.manifest["resources"]["limits"]["memory"]))

    def url(self, port: str) -> str:
        """Return the address of a port by its name in the manifest."""
        ports = {one["name"]: one["containerPort"] for one in self.manifest["ports"]}
        return f"http://{self.container.address}:{ports[port]}"

    def passes(self, kind: str) -> bool:
        """Ask one of the manifest's probes once, within its timeout."""
        probe = self.manifest[kind]
        get = probe["httpGet"]
        began = time.monotonic()
        status = probes.status(self.url(get["port"]), get["path"])
        return 200 <= status < 400 and time.monotonic() - began < probe["timeoutSeconds"]

    def wait_until_ready(self) -> None:
        """Wait as kubelet does: for the startup probe within its limits, then for readiness."""
        began = time.monotonic()
        startup = self.manifest["startupProbe"]
        for kind, seconds in (
            ("startupProbe", startup["periodSeconds"] * startup["failureThreshold"]),
            ("readinessProbe", DEADLINE_SECONDS),
        ):
            wait_until(
                lambda kind=kind: self.passes(kind),  # type: ignore[misc]
                timeout=seconds,
                every=0.1,
                describe=lambda: f"{self.container.name}: {self.container.logs()}",
            )
        self.seconds_to_ready = time.monotonic() - began


@dataclass
class Pods:
    """Runs pods of the overlay in one network of podman.

    `own` overrides settings of the ConfigMap, such as the limits of a crawl.
    """

    folder: Path
    network: str
    found: list[Manifest]
    own: dict[str, str]
    pods: list[RunningPod] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def of(self, service: str) -> list[RunningPod]:
        return [pod for pod in self.pods if pod.service == service]

    def replicas(self, service: str) -> int:
        return int(manifests.find(self.found, "Deployment", service)["spec"]["replicas"])

    def run_job(self) -> None:
        """Run the migration: the init containers, then the container, one after the other."""
        (job,) = [manifest for manifest in self.found if manifest["kind"] == "Job"]
        spec = job["spec"]["template"]["spec"]
        for container in manifests.containers(spec):
            self._run_to_end(spec, container)

    def start(self, service: str, *, waits: bool = True) -> RunningPod:
        spec = manifests.find(self.found, "Deployment", service)["spec"]["template"]["spec"]
        for container in spec.get("initContainers", []):
            self._run_to_end(spec, container)
        (container,) = spec["containers"]
        name = f"{service}-{next(self._numbers)}"
        flags = self._flags(spec, container, name)
        started = podman.run(name, container["image"], *flags)
        pod = RunningPod(service, started, spec)
        if waits:
            pod.wait_until_ready()
        self.pods.append(pod)  # a Service has the addresses of ready pods only
        return pod

    def start_postgres(self) -> Container:
        """Start the stand-in for Postgres by the name of its Service, with its own variables."""
        spec = manifests.find(self.found, "StatefulSet", "postgres")["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        variables = podman.environment(self.variables(container))
        return podman.run("postgres", container["image"], f"--network={self.network}", *variables)

    def start_sandbox(self, *options: object) -> Container:
        """Start the sandbox by the name of its Service, with more options than its image has."""
        spec = manifests.find(self.found, "Deployment", "sandbox")["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        command = (*images.read("sandbox").command, *map(str, options))
        flags = self._flags(spec, container, "sandbox")
        return podman.run("sandbox", container["image"], *flags, command=command)

    def forget(self, pod: RunningPod) -> None:
        """Take the pod out of the Service: no new client gets its address."""
        self.pods.remove(pod)

    def _run_to_end(self, spec: Manifest, container: Manifest) -> None:
        name = f"{container['name']}-{next(self._numbers)}"
        done = podman.run_to_end(
            name,
            container["image"],
            "--rm",
            *self._flags(spec, container, name),
            command=tuple(container["args"]),
        )
        assert done.returncode == 0, f"{name}: {done.stderr[-3000:]}"

    def _flags(self, spec: Manifest, container: Manifest, name: str) -> list[str]:
        context = {**spec["securityContext"], **container["securityContext"]}
        limits = container["resources"]["limits"]
        memory = int(quantity(limits["memory"]))
        flags = [
            f"--network={self.network}",
            f"--memory={memory}",
            f"--memory-swap={memory}",
            f"--cpus={quantity(limits['cpu']):g}",
            f"--user={context['runAsUser']}:{context['runAsGroup']}",
            *(f"--cap-drop={capability}" for capability in context["capabilities"]["drop"]),
        ]
        if "fsGroup" in context:
            flags.append(f"--group-add={context['fsGroup']}")
        if context["readOnlyRootFilesystem"]:
            flags += ["--read-only", "--read-only-tmpfs=false"]
        if not context["allowPrivilegeEscalation"]:
            flags.append("--security-opt=no-new-privileges")
        variables = {**self.variables(container), **self.own}
        flags += podman.environment(variables)
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in container["volumeMounts"]:
            folder = self.folder / name / mount["name"]
            flags.append(self._mount(volumes[mount["name"]], mount, folder, context))
        return flags

    def variables(self, container: Manifest) -> dict[str, str]:
        """Return the variables of a container, from its ConfigMap, its list and its secrets."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            config = manifests.find(self.found, "ConfigMap", source["configMapRef"]["name"])
            found |= config["data"]
        for one in container.get("env", []):
            if "value" in one:
                found[one["name"]] = one["value"]
            else:
                reference = one["valueFrom"]["secretKeyRef"]
                found[one["name"]] = secret(self.found, reference["name"])[reference["key"]]
        return found

    def _mount(self, volume: Manifest, mount: Manifest, folder: Path, context: Manifest) -> str:
        if "emptyDir" in volume:
            assert volume["emptyDir"]["medium"] == "Memory"
            size = int(quantity(volume["emptyDir"]["sizeLimit"]))
            return f"--tmpfs={mount['mountPath']}:rw,size={size},mode=1777"
        self.write_secrets(volume, folder, group=context["fsGroup"])
        return f"--volume={folder}:{mount['mountPath']}:ro"

    def write_secrets(self, volume: Manifest, folder: Path, *, group: int) -> None:
        """Write the files of a volume of secrets, with their mode and the group of the pod."""
        folder.mkdir(parents=True)
        mode = (volume.get("projected") or volume["secret"])["defaultMode"]
        for path, content in secret_files(self.found, volume).items():
            (folder / path).write_text(content)
            (folder / path).chmod(mode)
            os.chown(folder / path, 0, group)


def secret(found: list[Manifest], name: str) -> dict[str, str]:
    """Return the values of a secret. The name may lack the suffix that the overlay generates."""
    full = re.compile(rf"{re.escape(name)}(-[a-z0-9]{{10}})?")
    (data,) = [
        manifest["data"]
        for manifest in found
        if manifest["kind"] == "Secret" and full.fullmatch(manifest["metadata"]["name"])
    ]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def secret_files(found: list[Manifest], volume: Manifest) -> dict[str, str]:
    """Return the content of each file of a volume of secrets. Leaves out missing optional ones."""
    if "secret" in volume:
        return secret(found, volume["secret"]["secretName"])
    files: dict[str, str] = {}
    existing = {m["metadata"]["name"] for m in found if m["kind"] == "Secret"}
    for source in (source["secret"] for source in volume["projected"]["sources"]):
        if source["name"] in existing or not source.get("optional"):
            values = secret(found, source["name"])
            files |= {item["path"]: values[item["key"]] for item in source["items"]}
    return files


class LivenessProbes(threading.Thread):
    """Asks the liveness probe of every pod again and again. `failed` lists pods that failed."""

    def __init__(self, pods: Iterable[RunningPod]) -> None:
        super().__init__(daemon=True)
        self._pods = list(pods)
        self._stopping = threading.Event()
        self.asked = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._stopping.wait(0.5):
            for pod in self._pods:
                self.asked += 1
                if not pod.passes("livenessProbe"):
                    self.failed.append(pod.container.name)

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)
