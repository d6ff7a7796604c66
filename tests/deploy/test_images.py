"""Each image has all files that its command needs. The images themselves are built elsewhere."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import images, needs, service_variables

ROOT = images.ROOT
DEADLINE_SECONDS = 40
# Loaded before other code. Modules that are installed here but not in the image are hidden.
GUARD = """
import importlib.abc, os, sys
absent = set(os.environ["ABSENT_MODULES"].split(","))
sys.path[:] = [p for p in sys.path if not p.startswith(os.environ["CLONE"]) or "site-packages" in p]

class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"the image does not hold {name}", name=name)
        return None

sys.meta_path.insert(0, Guard())
"""


def pins(lock: str) -> dict[str, str]:
    """Return the version of each package in the lock file."""
    text = (ROOT / "requirements" / lock).read_text()
    found = re.findall(r"^([a-z0-9._-]+)==([^ ]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name): version for name, version in found}


def modules_without(lock: str) -> set[str]:
    """Return the installed modules that belong to no package in the lock file."""
    wanted = pins(lock)
    return {
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not any(re.sub(r"[-_.]+", "-", owner.lower()) in wanted for owner in owners)
    }


def start(
    target: str, folder: Path, *instead: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the image's command, or Python with the arguments in `instead`."""
    image = images.read(target)
    app, guard = folder / "app", folder / "guard"
    image.stage(app)
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    values = dict(image.variables)
    if "PROMETHEUS_MULTIPROC_DIR" in values:
        values["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
    return subprocess.run(
        [sys.executable, *instead] if instead else [*image.program(app), *image.command],
        cwd=app,
        env={
            **values,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{guard}{os.pathsep}{app}",
            "ABSENT_MODULES": ",".join(modules_without(image.lock)),
            "CLONE": str(ROOT),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("target", [*images.SERVICES, "migrations"])
def test_an_image_holds_all_that_its_command_needs(target: str, tmp_path: Path) -> None:
    """The error names the first missing setting, so the command has imported all its modules."""
    ended = start(target, tmp_path)
    assert ended.returncode != 0
    assert "DATABASE_URL is missing" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_image_of_the_sandbox_holds_all_that_its_server_needs(tmp_path: Path) -> None:
    ended = start("sandbox", tmp_path, "-P", "-c", "from reddit_sandbox import __main__")
    assert ended.returncode == 0, ended.stderr


def test_an_image_of_too_little_is_found_out(tmp_path: Path) -> None:
    ended = start("scheduler", tmp_path, ABSENT_MODULES="cronsim")
    assert "the image does not hold cronsim" in ended.stderr


@pytest.mark.parametrize("target", images.SERVICES)
def test_an_image_with_tracing_holds_all_that_sending_spans_needs(
    target: str, tmp_path: Path
) -> None:
    lock = images.read(target).lock
    own, added = pins(lock), pins("otel.lock")
    assert {name: own[name] for name in own.keys() & added.keys()}.items() <= added.items()
    absent = ",".join(modules_without(lock) & modules_without("otel.lock"))
    command = ("-P", "-c", "from crawljobs.runtime.traces import open_telemetry")
    ended = start(target, tmp_path, *command, ABSENT_MODULES=absent)
    assert ended.returncode == 0, ended.stderr
    assert 'if [ -n "$TRACING" ]; then $INSTALL -r "$TRACING.lock"' in images.DOCKERFILE.read_text()


@pytest.mark.parametrize("target", images.TARGETS)
def test_an_image_has_its_own_lock_its_own_package_and_no_root(target: str) -> None:
    image = images.read(target)
    assert (ROOT / "requirements" / image.lock).is_file()
    if target != "sandbox":
        assert image.lock == f"{target}.lock"
    packages = [source for source, _ in image.copies if source.startswith("services/")]
    own = f"services/{target.replace('-', '_')}"
    assert packages == ([own] if target in images.SERVICES else [])
    assert all((ROOT / source).exists() for source, _ in image.copies)
    uid, gid = image.user.split(":")
    assert int(uid) > 1000
    assert int(gid) > 1000


@pytest.mark.parametrize("target", images.TARGETS)
def test_every_variable_of_an_image_is_one_that_the_code_reads(target: str) -> None:
    assert set(images.read(target).variables) <= service_variables.known()


def test_nothing_is_sent_to_the_builder_that_no_image_holds() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*"
    sent = [line[1:] for line in lines if line.startswith("!")]
    copied = {source for target in images.TARGETS for source, _ in images.read(target).copies}
    for source in copied:
        assert any(source == one or source.startswith(f"{one}/") for one in sent), source
    assert not any("secret" in one or one.startswith("tests") for one in sent)


def test_hadolint_finds_nothing() -> None:
    linted = subprocess.run(
        [needs.checker("hadolint"), "--no-color", images.DOCKERFILE],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout
