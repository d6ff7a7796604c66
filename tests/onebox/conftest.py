"""Fixtures: an ordinary user to run the embedded Postgres, and the paths of the modules."""

import os
import pwd
import sys
from pathlib import Path

import pytest

from onebox.die_with_parent import SystemUser
from support import needs, ordinary
from support.ordinary import OrdinaryPython

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ordinary_user() -> SystemUser:
    """Return a user who is neither root nor the user that Postgres runs as."""
    needs.root()
    entry = pwd.getpwnam("nobody")
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


@pytest.fixture
def ordinary_python(ordinary_user: SystemUser, open_folder: Path) -> OrdinaryPython:
    return ordinary.find_python(ordinary_user, open_folder / "modules")


@pytest.fixture
def python_path() -> str:
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    return os.pathsep.join(
        [*(str(ROOT / folder) for folder in ("deploy", "shared", "services")), packages]
    )
