"""Fixtures of the tests with real containers: built images, and the removal of all containers.

`.ci/containers ./run test tests/containers` runs these tests. They print their figures at the end.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from support import image_builds, manifests, podman

FIGURES: list[str] = []


@pytest.fixture(scope="session")
def figure() -> Any:
    """Return a function that adds a line to the report at the end of the tests."""
    return FIGURES.append


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FIGURES:
        terminalreporter.section("figures of the containers", sep="-")
        for line in FIGURES:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def builds() -> Iterator[dict[str, float]]:
    """Build each image, and yield the seconds. Remove all containers at the end of the tests."""
    podman.prepared()
    seconds = image_builds.build_all()
    (postgres,) = (
        pod["containers"][0]["image"]
        for name, pod in manifests.pods(manifests.parsed(manifests.overlay("local")))
        if name == "postgres"
    )
    image_builds.tag_postgres(postgres)
    FIGURES.extend(f"{target}: built in {taken:.1f} s" for target, taken in seconds.items())
    yield seconds
    podman.remove_all()


@pytest.fixture(scope="module")
def network(builds: dict[str, float]) -> Iterator[str]:
    """Yield a network in which containers find one another by name. Remove its containers."""
    name = f"crawljobs-{secrets.token_hex(4)}"
    podman.call("network", "create", name)
    yield name
    podman.remove_all()
