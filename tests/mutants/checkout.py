"""A temporary copy of the project, in which mutants are made and tests run.

The Python of the copy imports the project's code only from the copy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("shared", "services", "deploy", "tests")
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".mutants", ".bench", ".onebox", "__pycache__", ".*_cache", "node_modules"
)
KILLED_SECONDS = 10  # the processes of a killed run must have ended within this time


@dataclass(frozen=True)
class Ran:
    """The result of a test run. `code` is None if the run took too long and was killed."""

    code: int | None
    output: str


@dataclass(frozen=True)
class Checkout:
    root: Path

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    @contextlib.contextmanager
    def changed(self, path: str, text: str) -> Iterator[None]:
        """Replace the text of a file during the block."""
        file = self.root / path
        original = file.read_text()
        try:
            _write(file, text)
            yield
        finally:
            _write(file, original)

    def pytest(
        self,
        arguments: Sequence[str],
        *,
        seconds: float,
        variables: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run tests of the copy. After `seconds`, kill the run and its child processes."""
        command = [str(self.python), "-P", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env={**_environment(), **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code: int | None
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(KILLED_SECONDS)
            output.seek(0)
            return Ran(code, output.read())


@contextlib.contextmanager
def scratch() -> Iterator[Checkout]:
    """Yield a copy of the project in a temporary folder, and delete it at the end."""
    with tempfile.TemporaryDirectory(prefix="crawljobs-mutants-") as folder:
        Path(folder).chmod(0o755)  # tests that run as another user must read the copy
        root = Path(folder) / "project"
        shutil.copytree(ROOT, root, ignore=NOT_COPIED, symlinks=True)
        _make_venv(root)
        yield Checkout(root)


def import_at_start(copy: Checkout, line: str) -> None:
    """Make every Python process of the copy execute this line of code at its start."""
    (packages,) = (copy.root / ".venv").glob("lib/python*/site-packages")
    (packages / "crawljobs_start.pth").write_text(line)  # read after crawljobs.pth, by its name


def _make_venv(root: Path) -> None:
    """Create the copy's environment. It uses the packages that are installed for this Python.

    The path file among these packages, which leads to the original code, has no effect there.
    """
    venv = root / ".venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    paths = [*(str(root / folder) for folder in SOURCE_ROOTS), sysconfig.get_path("purelib")]
    (packages / "crawljobs.pth").write_text("\n".join(paths) + "\n")


def _environment() -> dict[str, str]:
    """Return the environment variables without those that name the original code or a test run."""
    left_out = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "CRAWLJOBS_VENV")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in left_out and not name.startswith("PYTEST_")
    }


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    # Delete the compiled code. Python would use it if the new file had the same time and length.
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink(missing_ok=True)
