"""The project and its packages have licences. The images and wheels contain the texts."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support import images

ROOT = images.ROOT
COLLECT = ROOT / "deploy/docker/collect_licences.py"
METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{more}\n"


def collect(*folders: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, COLLECT, *folders], capture_output=True, text=True, check=False, timeout=60
    )


def package(environment: Path, name: str, more: str = "", **texts: str) -> None:
    folder = environment / "lib" / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(METADATA.format(name=name, more=more))
    for text, content in texts.items():
        (folder / text).write_text(content)


def test_every_package_of_an_installed_environment_has_its_licence(tmp_path: Path) -> None:
    """The test environment contains all packages that the images' lock files name."""
    done = collect(Path(sys.prefix), tmp_path)
    assert done.returncode == 0, done.stderr
    held = {path.name.lower().rpartition("-")[0].replace("_", "-") for path in tmp_path.iterdir()}
    for target in images.TARGETS:
        lock = (ROOT / "requirements" / images.read(target).lock).read_text()
        wanted = set(
            re.findall(r"^([a-z0-9._-]+)==(?!.*platform_system == .Windows)", lock, re.MULTILINE)
        )
        absent = {re.sub(r"[-_.]+", "-", name) for name in wanted} - {
            re.sub(r"[-_.]+", "-", name) for name in held
        }
        assert absent <= {"colorama", "tzdata"} - held, target
    for folder in tmp_path.iterdir():
        assert any(path.stat().st_size for path in folder.iterdir()), folder.name
    flask = "".join(path.read_text() for path in tmp_path.glob("[fF]lask-3*/*"))
    assert "Redistribution and use in source and binary forms" in flask


def test_a_licence_may_be_a_text_or_declared_and_its_absence_is_an_error(tmp_path: Path) -> None:
    environment, held = tmp_path / "venv", tmp_path / "held"
    package(environment, "with-text", COPYING="the text")
    package(environment, "declared", more="License-Expression: MIT")
    package(environment, "classified", more="Classifier: License :: OSI Approved :: MIT License")
    assert collect(environment, held).returncode == 0
    assert (held / "with-text-1.0/COPYING").read_text() == "the text"
    assert (held / "declared-1.0/LICENCE-AS-DECLARED").read_text() == "License-Expression: MIT\n"
    package(environment, "neither", more="License: UNKNOWN")
    refused = collect(environment, held)
    assert refused.returncode == 1
    assert (
        refused.stderr == "neither-1.0.dist-info: neither a licence text nor a declared licence\n"
    )


def test_an_empty_environment_is_an_error(tmp_path: Path) -> None:
    assert collect(tmp_path, tmp_path / "held").returncode == 1
    assert collect(tmp_path).returncode == 2


@pytest.mark.parametrize("target", images.TARGETS)
def test_an_image_holds_the_licences_of_its_packages_and_ours(target: str) -> None:
    _, own = images.instructions(target)
    (packages,) = [
        rest.split()[0] for word, rest in own if word == "COPY" and rest.endswith("/opt/venv")
    ]
    assert ("COPY", f"{packages} /opt/licenses /usr/share/licenses") in own
    stage = packages.removeprefix("--from=")
    below, instructions = images.instructions(stage)
    assert "collect_licences.py /opt/venv /opt/licenses" in str(instructions)
    assert "LICENSE /opt/licenses/crawljobs/LICENSE" in str(images.instructions(below))


def test_the_package_says_its_licence_as_pep_639_has_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("MIT License\n")
    assert re.search(r"Copyright \(c\) \d{4} the crawljobs authors", text)
