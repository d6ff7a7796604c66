"""The script `run` in a small project with empty lock files, so that it needs no network."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest

from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
UNREACHABLE = f"nothing-at-all==1.0 --hash=sha256:{'0' * 64}\n"
DEMO = "import os, sys; print(os.getpid(), sys.argv[1:], sys.prefix)"


def run(
    project: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(project / "run"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, **NOWHERE, **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "run", folder / "run")
    (folder / "requirements").mkdir()
    for target in ("crawlctl", "demo", "dev"):
        (folder / "requirements" / f"{target}.lock").write_text("")
    commands = Path("deploy", "docker", "commands")
    shutil.copytree(ROOT / commands, folder / commands)
    (folder / "deploy" / "onebox").mkdir(parents=True)
    (folder / "deploy" / "onebox" / "__init__.py").touch()
    (folder / "deploy" / "onebox" / "__main__.py").write_text(DEMO)
    return folder


@pytest.fixture
def installed(project: Path) -> Path:
    assert run(project, "demo").returncode == 0
    return project


def test_the_second_start_installs_nothing_and_becomes_the_command(installed: Path) -> None:
    stamp = installed / ".venv" / "crawljobs-installed"
    before = stamp.stat().st_mtime_ns
    with subprocess.Popen(
        [sys.executable, str(installed / "run"), "demo", "--once", "-x"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        said, told = started.communicate(timeout=20)
    assert said.split(" ", 1) == [
        str(started.pid),
        f"['--once', '-x'] {installed / '.venv'}\n",
    ]
    assert not told
    assert stamp.stat().st_mtime_ns == before


def test_what_lies_in_the_callers_folder_is_not_imported(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "onebox.py").write_text("raise SystemExit('imported from the wrong place')")
    done = run(installed, "demo", "-x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"['-x'] {installed / '.venv'}\n")


def ctl_package(project: Path) -> Path:
    package = project / "deploy" / "crawlctl"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    return package


def test_ctl_uses_the_packages_of_the_demo_and_knows_its_folder(installed: Path) -> None:
    package = ctl_package(installed)
    shown = "import os, sys; print(sys.argv[1:], os.environ['CRAWLCTL_DEMO'])"
    (package / "__main__.py").write_text(shown)
    done = run(installed, "ctl", "jobs", "list")
    assert (done.stdout, done.stderr) == (f"['jobs', 'list'] {installed / '.onebox'}\n", "")


def test_ctl_uses_the_demo_of_a_named_folder(installed: Path, tmp_path: Path) -> None:
    package = ctl_package(installed)
    names = "'CRAWLJOBS_URL', 'CRAWLJOBS_TOKEN_FILE'"
    (package / "__main__.py").write_text(
        f"import os, sys; print(sys.argv[1:], *(os.environ.get(name) for name in ({names})))"
    )
    (tmp_path / "api-url").write_text("http://127.0.0.1:1234\n")
    wanted = f"['jobs', 'list'] http://127.0.0.1:1234 {tmp_path}/admin-token\n"
    for option in (["--data", str(tmp_path)], [f"--data={tmp_path}"], ["--data", "."]):
        done = run(installed, "ctl", *option, "jobs", "list", cwd=tmp_path)
        assert (done.stdout, done.stderr) == (wanted, "")
    for option, words in (["/no/demo"], "No demo runs in /no/demo"), ([], "needs the data folder"):
        done = run(installed, "ctl", "--data", *option)
        assert (done.returncode, words in done.stderr) == (1, True)


def test_an_unknown_command_is_named(project: Path) -> None:
    done = run(project, "dmeo", "--once")
    assert done.returncode == 2
    assert done.stderr.startswith("unknown command: dmeo\nusage: ./run demo")
    assert run(project).stderr.startswith("usage: ./run demo")


CHILD = "import onebox; print(onebox.__file__)"
WAITING = f"""
import subprocess, sys
print("started", flush=True)
sys.stdin.read()
subprocess.run([sys.executable, "-P", "-c", {CHILD!r}], check=True)
"""


def test_two_checkouts_may_share_an_environment_and_each_runs_its_own_code(
    installed: Path, tmp_path: Path
) -> None:
    shared = {"CRAWLJOBS_VENV": str(installed / ".venv")}
    first, second = tmp_path / "first", tmp_path / "second"
    for project in (first, second):
        shutil.copytree(installed, project, ignore=shutil.ignore_patterns(".venv*"))
    (first / "deploy" / "onebox" / "__main__.py").write_text(WAITING)
    with subprocess.Popen(
        [sys.executable, str(first / "run"), "demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **NOWHERE, **shared},
    ) as running:
        assert running.stdin
        assert running.stdout
        assert running.stdout.readline() == "started\n"
        assert run(second, "demo", **shared).returncode == 0  # the second path file exists now
        running.stdin.close()
        assert running.stdout.read().strip() == str(first / "deploy" / "onebox" / "__init__.py")


def test_what_dev_installed_serves_the_demo_too(installed: Path) -> None:
    stamp = installed / ".venv" / "crawljobs-installed"
    stamp.write_text(stamp.read_text().replace("demo ", "dev ", 1))
    assert not run(installed, "demo").stderr
    assert stamp.read_text().startswith("dev ")


def test_without_a_package_index_it_says_so_and_a_later_run_goes_on(installed: Path) -> None:
    lock = installed / "requirements" / "demo.lock"
    lock.write_text(UNREACHABLE)
    (installed / "requirements" / "dev.lock").write_text("# changed too\n")
    try:
        refused = run(installed, "demo")
    finally:
        lock.write_text("# a new lock\n")
    assert refused.returncode == 1
    assert "Without a connection to a package index nothing can be installed" in refused.stderr
    assert not (installed / ".venv" / "crawljobs-installed").exists()

    later = run(installed, "demo")
    assert later.returncode == 0
    assert "Installing requirements/demo.lock" in later.stderr


def wheel(folder: Path, name: str) -> str:
    """Make a wheel without modules. Return its line for a lock file."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{about}/WHEEL", tag)
        archive.writestr(f"{about}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def test_the_install_shows_its_progress(installed: Path, tmp_path: Path) -> None:
    """The packages of the new lock are installed into the environment that exists."""
    script, locked = installed / "run", installed / "requirements" / "demo.lock"
    before = (script.read_text(), locked.read_text())
    lock = "".join(wheel(tmp_path, name) for name in ("first_thing", "second_thing"))
    locked.write_text(f"# a comment with a==b\n{lock}")
    script.write_text(before[0].replace("FILE_SECONDS = 0.5, 10", "FILE_SECONDS = 0, 0"))
    try:
        done = run(installed, "demo", PIP_FIND_LINKS=str(tmp_path), PIP_NO_INDEX="1")
    finally:
        script.write_text(before[0])
        locked.write_text(before[1])
    assert done.returncode == 0, done.stderr
    steps = re.findall(r"^  (\w[^(]+) \(\d+ s\)$", done.stderr, re.MULTILINE)
    # On a busy machine, one read of the output of pip can have several lines. Only the last counts.
    assert [step for step in steps if re.fullmatch("fetching package [12] of 2", step)]
    assert steps[-1] == "unpacking 2 packages"
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


def test_two_at_once_take_turns(installed: Path) -> None:
    (installed / ".venv" / "crawljobs-installed").unlink()
    command = [sys.executable, str(installed / "run"), "demo"]
    both = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "".join(told).count("Installing") == 1


@pytest.mark.deep  # the test below makes an environment anew too
def test_a_deleted_python_is_made_again(installed: Path) -> None:
    for name in ("python", "python3"):
        (installed / ".venv" / "bin" / name).unlink(missing_ok=True)
    again = run(installed, "demo")
    assert again.returncode == 0, again.stderr
    assert "Making" in again.stderr


def test_what_was_interrupted_is_made_anew(installed: Path) -> None:
    """After Ctrl-C or kill -9, a Python may lack pip, or a package may be incomplete."""
    shutil.rmtree(installed / ".venv")
    making = subprocess.Popen(
        [sys.executable, str(installed / "run"), "demo"], stderr=subprocess.PIPE, text=True
    )
    with making:
        wait_until(
            (installed / ".venv" / "bin" / "python").exists, timeout=20, describe="its Python"
        )
        children = psutil.Process(making.pid).children(recursive=True)
        for process in (making, *children):
            process.kill()
    assert not (installed / ".venv" / "crawljobs-installed").exists()

    again = run(installed, "demo")
    assert again.returncode == 0, again.stderr
    assert again.stderr.startswith("Making")
    assert not (installed / ".venv.unfinished").exists()


def test_a_place_that_cannot_be_used_is_told(project: Path) -> None:
    refused = run(project, "demo", CRAWLJOBS_VENV="/dev/null/venv")
    assert refused.returncode == 1
    assert refused.stderr == "/dev/null cannot be used: File exists.\n"


def test_an_older_python_is_told_what_is_needed(project: Path, tmp_path: Path) -> None:
    future = (project / "run").read_text().replace("OLDEST = (3, 11)", "OLDEST = (9, 9)")
    (tmp_path / "run").write_text(future)
    refused = run(tmp_path, "demo", PATH="/nonexistent")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Python 9.9 or later is needed and this is 3.")


@pytest.mark.parametrize("arguments", [(), ("deploy",)])
def test_an_unknown_command_gets_the_usage(project: Path, arguments: tuple[str, ...]) -> None:
    refused = run(project, *arguments)
    assert refused.returncode == 2
    assert "usage: ./run demo" in refused.stderr
    assert ("unknown command" in refused.stderr) is bool(arguments)


def test_a_whole_test_run_is_parallel_and_a_part_is_not() -> None:
    namespace: dict[str, object] = {"__name__": "run", "__file__": str(ROOT / "run")}
    exec(compile((ROOT / "run").read_text(), "run", "exec"), namespace)  # noqa: S102
    parallel = namespace["parallel"]
    assert callable(parallel)
    assert parallel(["-n0"]) == parallel([str(ROOT / "tests")]) == parallel(["--pdb"]) == []
    if (os.cpu_count() or 1) > 1:
        assert parallel(["-q"])[0] == "-n"
