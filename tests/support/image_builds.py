"""Build the project's images from the Dockerfile, on the base image that .ci/containers made."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crawljobs.version import VERSION
from support import images, podman, postgres

BASE = "localhost/python"
TAGS = ("local", VERSION)  # those of the overlay `local` and of docker-compose.yml
DEADLINE_SECONDS = 180
# The builder needs the settings of pip and the certificates of this machine, if it has its own.
HOST_FILES = ("/etc/pip.conf", "/etc/ssl/certs")
AT_ONCE = 2


def build(target: str) -> float:
    """Build the image of a target, and return the seconds."""
    mounts = [f"--volume={path}:{path}:ro" for path in HOST_FILES if Path(path).exists()]
    tags = [f"--tag=crawljobs-{target}:{tag}" for tag in TAGS]
    began = time.monotonic()
    done = subprocess.run(
        [
            *("buildah", "bud", "--network=host", *mounts, *tags),
            *(f"--build-arg=PYTHON_IMAGE={BASE}", f"--file={images.DOCKERFILE}"),
            *(f"--target={target}", str(images.ROOT)),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{target}: {done.stderr[-3000:]}"
    return time.monotonic() - began


def build_all() -> dict[str, float]:
    """Build the image of each target, and return the seconds by target."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(images.TARGETS, pool.map(build, images.TARGETS), strict=True))


def tag_postgres(*names: str) -> None:
    """Let the stand-in for Postgres answer to the names that the manifests and tests use."""
    for name in {postgres.DOCKER_IMAGE, *names}:
        podman.call("tag", "localhost/postgres", name)
