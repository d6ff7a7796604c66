"""Install the programs of the peers into `.venv-peers`, outside the project's environment.

The folder has the Python packages of the peers and of the plot, the folder `npm` with packages of
Node.js, and the program `river`, which Go builds. All packages are checked by hash. If a peer
cannot be installed, the reason is reported, and the other peers are compared.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.peers.candidates import Candidate

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "requirements" / "peers.lock"
NODE_SOURCES = Path(__file__).with_name("npm")
GO_SOURCES = Path(__file__).with_name("river")
STAMP = "crawljobs-installed"
INSTALL_SECONDS = 900


class Missing(Exception):
    """The peers of one kind cannot be installed. The message has the reason."""


def folder() -> Path:
    return Path(os.environ.get("CRAWLJOBS_PEERS_VENV") or ROOT / ".venv-peers")


def python() -> Path:
    return folder() / "bin" / "python"


def node_folder() -> Path:
    return folder() / "npm"


def go_program() -> Path:
    return folder() / "river"


def install(candidates: Iterable[Candidate]) -> tuple[list[Candidate], dict[str, str]]:
    """Return the candidates that can run, and for all others the reasons by name."""
    present, missing, tried = [], {}, {"ours": ""}
    for candidate in candidates:
        if candidate.kind not in tried:
            tried[candidate.kind] = _reason_against(candidate.kind)
        if reason := tried[candidate.kind]:
            missing[candidate.name] = reason
        else:
            present.append(candidate)
    return present, missing


def _reason_against(kind: str) -> str:
    try:
        {"python": install_python, "node": install_node, "go": install_go}[kind]()
    except Missing as error:
        return str(error)
    return ""


def install_python() -> None:
    if _is_installed(folder(), LOCK):
        return
    _run([sys.executable, "-I", "-m", "venv", "--clear", str(folder())], "no environment")
    options = ["install", "--quiet", "--no-deps", "--require-hashes", "-r", str(LOCK)]
    _run([str(python()), "-I", "-m", "pip", *options], "pip could not install them")
    _mark_installed(folder(), LOCK)


def install_node() -> None:
    """Install the packages of Node.js, and copy the runners beside them.

    Node.js looks for packages beside the program that it runs.
    """
    _need("node", "npm")
    node_folder().mkdir(parents=True, exist_ok=True)
    for source in NODE_SOURCES.iterdir():
        if source.is_file():
            shutil.copy(source, node_folder())
    lock = NODE_SOURCES / "package-lock.json"
    if _is_installed(node_folder(), lock):
        return
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(["npm", *options], "npm could not install them", cwd=node_folder())
    _mark_installed(node_folder(), lock)


def install_go() -> None:
    """Build the runner of River. Go itself detects whether anything has changed."""
    _need("go")
    folder().mkdir(parents=True, exist_ok=True)
    command = ["go", "build", "-trimpath", "-o", str(go_program()), "."]
    _run(command, "go could not build it", cwd=GO_SOURCES)


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"there is no {program} here")


def _is_installed(place: Path, lock: Path) -> bool:
    stamp = place / STAMP
    return stamp.is_file() and stamp.read_text() == _identity(lock)


def _mark_installed(place: Path, lock: Path) -> None:
    (place / STAMP).write_text(_identity(lock))


def _identity(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _run(command: list[str], failure: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{failure}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Missing(f"{failure}: {said[-1] if said else f'status {done.returncode}'}")
