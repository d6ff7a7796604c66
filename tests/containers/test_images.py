"""The images that are built from the Dockerfile start as the manifests say."""

import pytest

from support import images, podman

USER = ("--user=10002:10002", "--cap-drop=ALL", "--read-only", "--security-opt=no-new-privileges")


@pytest.mark.timeout(300)  # the first test builds the images
def test_each_image_is_built_from_the_unchanged_dockerfile(builds: dict[str, float]) -> None:
    assert set(builds) == set(images.TARGETS)
    for target in images.TARGETS:
        image = podman.call("image", "inspect", "--format", "{{.Config.User}}", image_name(target))
        assert image.stdout.strip() == images.read(target).user


def image_name(target: str) -> str:
    return f"crawljobs-{target}:local"


@pytest.mark.usefixtures("builds")
@pytest.mark.parametrize("target", [*images.SERVICES, "migrations"])
def test_an_image_without_settings_ends_with_a_sentence(target: str) -> None:
    """The command of the image has all its modules, and needs no right and no other user."""
    done = podman.run_to_end(f"bare-{target}", image_name(target), "--rm", "--network=none", *USER)
    assert done.returncode == 1
    assert "DATABASE_URL is missing" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("builds")
@pytest.mark.parametrize("target", images.TARGETS)
def test_an_image_has_no_installer_and_no_other_service(target: str) -> None:
    found = podman.run_to_end(
        f"look-{target}",
        image_name(target),
        "--rm",
        "--network=none",
        "--entrypoint=python",
        command=("-c", "import os, importlib.util as i; print(i.find_spec('pip'), os.listdir())"),
    )
    assert found.stdout.startswith("None "), found.stdout + found.stderr
    own = {path.rstrip("/").split("/")[0] for _, path in images.read(target).copies}
    assert set(eval(found.stdout.removeprefix("None "))) == own  # noqa: S307 - a list of names
