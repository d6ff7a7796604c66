"""Folders that the user Postgres runs as can reach, and Pythons that an ordinary user can run."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onebox.die_with_parent import SystemUser
from support import needs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ordinary_user() -> SystemUser:
    """Somebody to run as who is neither root nor the user Postgres runs as."""
    needs.root()
    entry = pwd.getpwnam("nobody")
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


@pytest.fixture
def ordinary_python(ordinary_user: SystemUser, python_path: str) -> str:
    """A Python 3.11 or later that this user can run with the project's modules."""
    check = "import sys, onebox.embedded_postgres; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        if python and _runs(python, check, python_path, ordinary_user):
            return python
    return needs.missing("a Python and a clone that an ordinary user can read")


def _runs(python: str, code: str, search: str, user: SystemUser) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", code],
            env={"PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"},
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
            timeout=10,
        )
    except OSError:
        return False
    return done.returncode == 0


@pytest.fixture
def python_path() -> str:
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    return os.pathsep.join(
        [*(str(ROOT / folder) for folder in ("deploy", "shared", "services")), packages]
    )
