"""The Kubernetes manifests, as kubectl renders them."""

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from support import images, needs

KUBERNETES = images.ROOT / "deploy" / "kubernetes"
DEADLINE_SECONDS = 60
OVERLAYS = ("local", "production")
COMPONENTS = tuple(sorted(path.name for path in (KUBERNETES / "components").iterdir()))
Manifest = dict[str, Any]


def kustomize(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [needs.program("kubectl"), "kustomize", folder],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@functools.cache
def overlay(name: str) -> str:
    rendered = kustomize(KUBERNETES / "overlays" / name)
    assert rendered.returncode == 0, rendered.stderr
    return rendered.stdout


def with_components(folder: Path, *names: str) -> "subprocess.CompletedProcess[str]":
    """Render the base with these components, in an overlay that is created in `folder`."""
    copy = folder / "kubernetes"
    copy.mkdir()
    for name in ("base", "components"):
        # Copy the files, because kustomize reads no files outside of its folder, not even by links.
        subprocess.run(["cp", "-r", KUBERNETES / name, copy / name], check=True)
    # A component adds the dashboards.
    subprocess.run(
        ["cp", "-r", KUBERNETES.parent / "monitoring", folder / "monitoring"], check=True
    )
    own = copy / "overlay"
    own.mkdir()
    (own / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": "crawljobs",
                "resources": ["../base"],
                "components": [f"../components/{name}" for name in names],
            }
        )
    )
    return kustomize(own)


def parsed(text: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(text) if one]


def find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield the name of each workload, and the specification of its pods."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", []), *pod["containers"]]
