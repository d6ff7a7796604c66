"""Play a copy of docker-compose.yml by podman-compose, in the order of its dependencies.

podman 4.3 knows neither `start_interval` nor the condition `service_healthy`, and its log driver
has no `max-file`. So the copy lacks them, and `start` waits as these conditions say.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from support import images, needs, podman
from support.podman import Container
from support.waiting import wait_until

DEADLINE_SECONDS = 90
FOLDERS = ("deploy/docker", "deploy/monitoring")


def read() -> dict[str, Any]:
    return dict(yaml.safe_load((images.ROOT / "docker-compose.yml").read_text()))


def settings_of(path: Path) -> dict[str, str]:
    """Return the variables of an --env-file."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@dataclass
class ComposeProject:
    """A copy of the project's compose file in `folder`, with `variables` as the shell has them."""

    folder: Path
    variables: dict[str, str]
    options: tuple[str, ...] = ()

    def write(self) -> None:
        """Write the copy, and make its secrets."""
        for name in FOLDERS:
            shutil.copytree(
                images.ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("secrets")
            )
        made = read()
        for service in made["services"].values():
            service.pop("depends_on", None)
            service.get("healthcheck", {}).pop("start_interval", None)
            if "deploy" in service:
                service["deploy"]["mode"] = "replicated"  # podman-compose lacks this default
            service.get("logging", {}).get("options", {}).pop("max-file", None)
        (self.folder / "docker-compose.yml").write_text(yaml.safe_dump(made, sort_keys=False))
        script = self.folder / "deploy" / "docker" / "make-secrets"
        subprocess.run([sys.executable, script], check=True, timeout=30)

    def compose(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [needs.checker("podman-compose"), *self.options, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def secret(self, name: str) -> str:
        return (self.folder / "deploy" / "docker" / "secrets" / name).read_text().strip()

    def containers(self, service: str) -> list[Container]:
        label = f"label=com.docker.compose.service={service}"
        found = podman.call("ps", "--all", "--filter", label, "--format", "{{.Names}}").stdout
        return [Container(name) for name in sorted(found.split())]

    def start(self, *profiles: str) -> None:
        """Start the services of the file, each after the conditions of its `depends_on`."""
        services = {
            name: service
            for name, service in read()["services"].items()
            if not service.get("profiles") or {*service["profiles"]} & {*profiles}
        }
        graph = {name: set(one.get("depends_on", {})) for name, one in services.items()}
        for name in TopologicalSorter(graph).static_order():
            for needed, how in services[name].get("depends_on", {}).items():
                self._wait(needed, how["condition"])
            done = self.compose("up", "--detach", "--no-build", "--no-deps", name)
            assert done.returncode == 0, done.stdout + done.stderr

    def wait_until_healthy(self, service: str) -> None:
        self._wait(service, "service_healthy")

    def _wait(self, service: str, condition: str) -> None:
        for container in self.containers(service):
            if condition == "service_healthy":
                wait_until(
                    lambda one=container: _is_healthy(one),  # type: ignore[misc]
                    timeout=DEADLINE_SECONDS,
                    every=0.3,
                    describe=container.logs,
                )
            else:
                assert condition == "service_completed_successfully"
                assert podman.wait_for_exit(container) == 0, container.logs()


def _is_healthy(container: Container) -> bool:
    return podman.call("healthcheck", "run", container.name, check=False).returncode == 0
