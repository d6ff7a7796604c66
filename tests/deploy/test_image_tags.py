"""Each image has one exact version, so that a later deployment equals the tested one."""

import re
from pathlib import Path

import yaml

from crawljobs.version import VERSION
from support import images, manifests, postgres

ROOT = images.ROOT
# A version of three numbers, or two for Postgres. A distribution's name or a digest may follow.
EXACT = re.compile(
    r"(?:postgres(?:ql)?:\d+\.\d+|[^:@]+:v?\d+\.\d+\.\d+)(?:-[a-z0-9.-]+)?(?:@sha256:.+)?"
)
OURS = "crawljobs-"


def test_the_base_of_our_images_is_exact_and_may_be_pinned_by_digest() -> None:
    text = images.DOCKERFILE.read_text()
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", text, re.MULTILINE)
    assert EXACT.fullmatch(base)
    assert f"--build-arg PYTHON_IMAGE={base}@sha256:" in text
    stages = set(re.findall(r" AS (\S+)$", text, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages == {"${PYTHON_IMAGE}"}
    assert "# syntax=" not in text  # the line would load another image, by a tag that moves


def test_compose_names_exact_versions_and_ours_by_this_one() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        image = service["image"]
        assert EXACT.fullmatch(image.rpartition("/")[2]), (name, image)
        if image.startswith(OURS):
            assert image.endswith(f":{VERSION}"), name


def test_manifests_name_exact_versions() -> None:
    for path in sorted(manifests.KUBERNETES.rglob("*.yaml")):
        for image in re.findall(r"image(?:Name)?: (\S+)$", path.read_text(), re.MULTILINE):
            is_ours = image.startswith(OURS)  # an overlay sets its tag
            assert is_ours or EXACT.fullmatch(image.rpartition("/")[2]), (path, image)
    production = yaml.safe_load(
        (manifests.KUBERNETES / "overlays/production/kustomization.yaml").read_text()
    )
    assert {one["newTag"] for one in production["images"]} == {f"v{VERSION}"}


def test_a_document_describes_how_to_pin_digests() -> None:
    assert "imagetools inspect" in (ROOT / "docs/operations/upgrading.md").read_text()
    assert EXACT.fullmatch(postgres.DOCKER_IMAGE)


def test_a_tag_that_moves_would_be_found() -> None:
    for image in ("postgres:18", "postgres:18-bookworm", "python:3.13", "prometheus", "x:latest"):
        assert not EXACT.fullmatch(image), image
    assert Path(images.DOCKERFILE).is_file()
