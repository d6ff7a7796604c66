"""Build the wheel of the project, and install it into a new environment."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from support import commands

ROOT = commands.ROOT
DEADLINE_SECONDS = 120


def build(folder: Path, project: Path = ROOT) -> Path:
    """Build the wheel of a project into `folder`, and return its path. Needs no network."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """Create a virtual environment, and return its Python.

    It imports the third-party packages of the tests' environment, but not the checkout: Python
    does not read the path files in a folder that a path file adds.
    """
    subprocess.run(
        [sys.executable, "-I", "-m", "venv", "--without-pip", folder],
        check=True,
        timeout=DEADLINE_SECONDS,
    )
    packages = folder / f"lib/python{sysconfig.get_python_version()}/site-packages"
    (packages / "packages-of-the-tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def install(wheel: Path, python: Path) -> None:
    """Install the wheel without its dependencies."""
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-m", "pip", "--python", python, "--quiet", "install"),
            *("--disable-pip-version-check", "--no-index", "--no-deps", wheel),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
