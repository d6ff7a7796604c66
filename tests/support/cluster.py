"""Run pods of the Kubernetes manifests as processes, with their command, files and variables."""

import contextlib
import itertools
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from support import images, manifests, probes
from support.free_ports import free_port
from support.waiting import wait_until

START_SECONDS = 60  # imports take long on an overloaded machine
SHARED_COUNTERS = "PROMETHEUS_MULTIPROC_DIR"  # each container needs its own folder
SECRETS = "/run/secrets/crawljobs/"


@dataclass
class Pod:
    """The process of a deployment's pod, with its own ports."""

    service: str
    process: "subprocess.Popen[bytes]"
    log: Path
    ports: dict[str, int]  # by the name of the port in the manifest
    checks: dict[str, str]  # kind of probe -> address
    grace: float

    def is_ready(self) -> bool:
        return self._passes("readinessProbe")

    def is_live(self) -> bool:
        return self._passes("livenessProbe")

    def metrics(self) -> dict[str, float]:
        return probes.samples(f"http://127.0.0.1:{self.ports['probes']}")

    def metrics_text(self) -> str:
        return probes.text(f"http://127.0.0.1:{self.ports['probes']}")

    def _passes(self, kind: str) -> bool:
        address, _, path = self.checks[kind].rpartition("/")
        return 200 <= probes.status(address, f"/{path}") < 400

    def terminate(self) -> int:
        """Send SIGTERM as kubelet does, and return the exit code. Raises after the grace period."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(self.grace)


@dataclass
class Cluster:
    """Runs the pods of one test.

    `secrets` maps SECRET/KEY to the value that this secret of the manifests holds. `own` overrides
    environment variables, such as the sandbox's address and the limits of a crawl.
    """

    folder: Path
    secrets: dict[str, str]
    own: dict[str, str]
    pods: list[Pod] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def run_job(self, name: str) -> None:
        """Run the init containers of a Kubernetes Job, then its container, one after the other."""
        spec = _pod_of("Job", name)
        for container in manifests.containers(spec):
            folder = self.folder / f"{name}-{next(self._numbers)}"
            process, log = self._run(spec, container, folder, {})
            assert process.wait(START_SECONDS) == 0, log.read_text()[-3000:]

    def start(self, service: str) -> Pod:
        spec = _pod_of("Deployment", service)
        (container,) = spec["containers"]
        folder = self.folder / f"{service}-{next(self._numbers)}"
        ports = {port["name"]: free_port() for port in container["ports"]}
        process, log = self._run(spec, container, folder, ports)
        checks = {
            kind: f"http://127.0.0.1:{ports[get['port']]}{get['path']}"
            for kind in ("startupProbe", "readinessProbe", "livenessProbe")
            for get in [container[kind]["httpGet"]]
        }
        grace = float(spec["terminationGracePeriodSeconds"])
        self.pods.append(Pod(service, process, log, ports, checks, grace))
        return self.pods[-1]

    def of(self, service: str) -> list[Pod]:
        return [pod for pod in self.pods if pod.service == service]

    def scale(self, service: str, replicas: int) -> None:
        """Start pods until `replicas` are ready, or end the newest pods until `replicas` remain."""
        started = [self.start(service) for _ in range(replicas - len(self.of(service)))]
        for pod in started:
            self.wait_until_ready(pod)
        for pod in self.of(service)[replicas:]:
            self.end(pod)

    def roll(self, service: str) -> None:
        """Replace every pod. All new pods are ready before the first old pod ends."""
        old = self.of(service)
        new = [self.start(service) for _ in old]
        for pod in new:
            self.wait_until_ready(pod)
        for pod in old:
            self.end(pod)

    def wait_until_ready(self, pod: Pod) -> None:
        def is_ready() -> bool:
            assert pod.process.poll() is None, pod.log.read_text()[-3000:]
            return pod.is_ready()

        wait_until(is_ready, timeout=START_SECONDS, describe=lambda: pod.log.read_text()[-3000:])

    def end(self, pod: Pod) -> None:
        self.pods.remove(pod)  # Kubernetes also removes the endpoint before it stops a pod
        assert pod.terminate() == 0, pod.log.read_text()[-3000:]

    def close(self) -> None:
        for pod in self.pods:
            pod.process.kill()
            pod.process.wait()

    def _run(
        self,
        spec: manifests.Manifest,
        container: manifests.Manifest,
        folder: Path,
        ports: dict[str, int],
    ) -> "tuple[subprocess.Popen[bytes], Path]":
        """Start a container, and return its process and its log file."""
        image = images.read(container["image"].removeprefix("crawljobs-"))
        image.stage(folder / "app")
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*image.program(folder / "app"), *container.get("args", [])],
                cwd=folder / "app",
                env=self._variables(spec, container, image, folder, ports),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return process, log

    def _variables(
        self,
        spec: manifests.Manifest,
        container: manifests.Manifest,
        image: images.Image,
        folder: Path,
        ports: dict[str, int],
    ) -> dict[str, str]:
        shared = yaml.safe_load((manifests.KUBERNETES / "base/settings.yaml").read_text())["data"]
        files = self._mounted(spec, container)
        given = {}
        for one in container["env"]:
            if "value" in one:
                given[one["name"]] = _placed(one["value"], files, folder)
            else:
                reference = one["valueFrom"]["secretKeyRef"]
                given[one["name"]] = self.secrets[f"{reference['name']}/{reference['key']}"]
        counters = image.variables.keys() & {SHARED_COUNTERS}
        places = {"PROBE_BIND": ports.get("probes"), "ADMIN_API_BIND": ports.get("http")}
        return {
            **image.variables,
            **shared,
            **given,
            **{name: f"127.0.0.1:{port}" for name, port in places.items() if port},
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder / "app"),
            **{name: str(folder / "metrics") for name in counters},
            **self.own,
        }

    def _mounted(self, spec: manifests.Manifest, container: manifests.Manifest) -> dict[str, str]:
        """Return the content of the secret files in the container, by path."""
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        files = {}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]]
            for source in volume.get("projected", {}).get("sources", []):
                for item in source["secret"]["items"]:
                    key = f"{source['secret']['name']}/{item['key']}"
                    if key in self.secrets or not source["secret"].get("optional"):
                        files[f"{mount['mountPath']}/{item['path']}"] = self.secrets[key]
            if "secret" in volume:
                prefix = f"{volume['secret']['secretName']}/"
                for key in (key for key in self.secrets if key.startswith(prefix)):
                    files[f"{mount['mountPath']}/{key.removeprefix(prefix)}"] = self.secrets[key]
        return files


def _pod_of(kind: str, name: str) -> manifests.Manifest:
    found = manifests.parsed((manifests.KUBERNETES / "base" / f"{name}.yaml").read_text())
    spec: manifests.Manifest = manifests.find(found, kind, name)["spec"]["template"]["spec"]
    return spec


def _placed(value: str, files: dict[str, str], folder: Path) -> str:
    if not value.startswith(SECRETS):
        return value
    place = folder / "secrets" / value.removeprefix(SECRETS)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(files[value] + "\n")
    return str(place)


class Kubelet(threading.Thread):
    """Checks the liveness of every ready pod again and again. `dead` lists pods that failed."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._cluster = cluster
        self._stopping = threading.Event()
        self.asked = 0
        self.dead: list[str] = []

    def run(self) -> None:
        while not self._stopping.wait(0.5):
            for pod in list(self._cluster.pods):
                with contextlib.suppress(AssertionError):
                    self._ask(pod)

    def _ask(self, pod: Pod) -> None:
        if not pod.is_ready():
            return  # the pod is starting or stopping
        self.asked += 1
        if not pod.is_live() and pod in self._cluster.pods and pod.is_ready():
            self.dead.append(f"{pod.service}: {pod.log.read_text()[-500:]}")

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)
