"""Run containers by podman, with the folder and the settings that .ci/containers prepares."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import needs
from support.waiting import wait_until

FOLDER = "CRAWLJOBS_CONTAINERS"  # .ci/containers sets this variable
DEADLINE_SECONDS = 60
KILLED = 137  # the exit code of a process that SIGKILL ended: 128 + 9
MIB = 2**20


def prepared() -> Path:
    """Return the folder of .ci/containers. Skips the test if containers cannot be run here."""
    folder = os.environ.get(FOLDER)
    if not folder:
        needs.missing(".ci/containers")
    needs.root()
    for program in ("podman", "buildah"):
        needs.program(program)
    if call("info", check=False).returncode != 0:
        needs.missing("a podman that works")
    return Path(folder)


def call(
    *arguments: object, timeout: float = DEADLINE_SECONDS, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run podman. Raises AssertionError with its messages if it fails."""
    done = subprocess.run(
        ["podman", *map(str, arguments)],
        cwd=os.environ.get(FOLDER),  # podman writes files into its current folder
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0 or not check, f"podman {arguments[:3]}: {done.stderr[-3000:]}"
    return done


@dataclass(frozen=True)
class Container:
    """A container of podman. It exists until the fixture `podman` removes all containers."""

    name: str

    def inspect(self) -> dict[str, Any]:
        (found,) = json.loads(call("inspect", "--type", "container", self.name).stdout)
        return dict(found)

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.inspect()["State"])

    @property
    def pid(self) -> int:
        """Return the process id of the container's first process, as the host sees it."""
        return int(self.state["Pid"])

    @property
    def address(self) -> str:
        """Return the IPv4 address of the container, or of its pod."""
        (network,) = self.inspect()["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def is_running(self) -> bool:
        return bool(self.state["Running"])

    def logs(self) -> str:
        done = call("logs", self.name, check=False)
        return (done.stdout + done.stderr)[-6000:]

    def kill(self) -> int:
        """Send SIGKILL, and return the exit code."""
        call("kill", "--signal", "KILL", self.name)
        return self.wait()

    def wait(self, timeout: float = DEADLINE_SECONDS) -> int:
        return int(call("wait", self.name, timeout=timeout).stdout)

    def stop(self, grace: float) -> tuple[int, float]:
        """Send SIGTERM, and SIGKILL after `grace` seconds. Return the exit code and the seconds."""
        began = time.monotonic()
        call("stop", "--time", int(grace), self.name, timeout=grace + DEADLINE_SECONDS)
        return int(self.state["ExitCode"]), time.monotonic() - began

    def execute(self, code: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run Python code in the container, with the user and the limits of the container."""
        return call("exec", self.name, "python", "-c", code, **options)

    def memory_mib(self) -> float:
        """Return the memory that the container uses now, in MiB."""
        (found,) = json.loads(call("stats", "--no-stream", "--format", "json", self.name).stdout)
        used, unit = (
            found["mem_usage"].split(" / ")[0][:-2],
            found["mem_usage"].split(" / ")[0][-2:],
        )
        return float(used) * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit] / MIB


def run(name: str, image: str, *options: object, command: tuple[str, ...] = ()) -> Container:
    """Start a container in the background."""
    call("run", "--detach", "--name", name, *options, image, *command)
    return Container(name)


def run_to_end(
    name: str, image: str, *options: object, command: tuple[str, ...] = (), timeout: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run a container until it ends, and return its exit code and its output."""
    options = ("--name", name, *options)
    return call("run", *options, image, *command, timeout=timeout, check=False)


def environment(variables: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in variables.items()]


def wait_for_exit(container: Container, *, timeout: float = DEADLINE_SECONDS) -> int:
    """Return the exit code, when the container has ended by itself."""
    wait_until(
        lambda: not container.is_running(),
        timeout=timeout,
        every=0.2,
        describe=lambda: f"{container.name} to end: {container.logs()}",
    )
    return int(container.state["ExitCode"])


def remove_all() -> None:
    """Remove all containers and pods, with the volumes that they made."""
    call("pod", "rm", "--all", "--force", "--time", 0)
    call("rm", "--all", "--force", "--time", 0, "--volumes")
    call("volume", "rm", "--all", "--force")
    call("secret", "rm", "--all")
    call("network", "prune", "--force")
