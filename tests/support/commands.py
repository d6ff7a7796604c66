"""The commands of the project, run by the Python of the tests."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "docker" / "commands"
NAMES = ("crawljobs-admin-api", "crawljobs-migrate", "crawljobs-scheduler", "crawljobs-worker")


# Code that is older than the commands starts in this way.
OLDER_ADMIN_API = [sys.executable, "-m", "gunicorn", "-c", "python:admin_api.gunicorn_conf"]


def import_path(*folders: str) -> str:
    """Return a PYTHONPATH of these folders of the project, for a process as in production."""
    paths = (ROOT / "tests/support/as_in_production", *(ROOT / folder for folder in folders))
    return os.pathsep.join(map(str, paths))


def command(name: str, *arguments: str) -> list[str]:
    """Return the command line of a command, as the first line of its file requests."""
    return [sys.executable, "-P", str(FOLDER / name), *arguments]
