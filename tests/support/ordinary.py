"""Run the embedded Postgres as an ordinary user when the tests run as root."""

import contextlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from onebox.die_with_parent import SystemUser
from onebox.postgres import binaries
from support import linked_tree, needs

ONEBOX = Path(__file__).resolve().parents[2] / "deploy" / "onebox"


@dataclass(frozen=True)
class OrdinaryPython:
    """A Python 3.11 or later that this user can run and that can import the project's modules."""

    program: str
    user: SystemUser
    search: str

    def start(self, code: str, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.program, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PYTHONPATH": self.search, "PYTHONDONTWRITEBYTECODE": "1"},
            user=self.user.uid,
            group=self.user.gid,
            extra_groups=[],
        )


def find_python(user: SystemUser, modules: Path) -> OrdinaryPython:
    """Find a Python that the user can run, and copy the project's modules to `modules`.

    The user may have no access to the folder of the clone.
    """
    shutil.copytree(ONEBOX, modules / "onebox")
    wheel = binaries.embedded_bindir().parents[2]
    for name in (binaries.PACKAGE, binaries.LIBRARIES):
        linked_tree.make(wheel / name, modules / name)
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    for program in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        if program is None:
            continue
        candidate = OrdinaryPython(program, user, str(modules))
        with contextlib.suppress(OSError), candidate.start(check) as checked:
            checked.communicate(timeout=10)
            if checked.returncode == 0:
                return candidate
    return needs.missing("a Python that an ordinary user can run")
