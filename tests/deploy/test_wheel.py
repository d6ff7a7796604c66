"""The wheel: its commands run in a clean environment and in any folder."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from crawljobs.version import VERSION
from support import commands, probes, wheels
from support.admin_api import TOKEN
from support.service_process import ServiceProcess
from support.waiting import wait_until

ROOT = commands.ROOT
STATIC = ROOT / "services/admin_api/dashboard/static"
DEADLINE_SECONDS = 60
INSTALL_SECONDS = 600
LOCKS = ("admin-api", "crawler-worker", "scheduler", "migrations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = wheels.make_environment(tmp_path_factory.mktemp("prefix") / "venv")
    wheels.install(wheel, python)
    return python.parent


def variables(url: str = "", **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DATABASE_URL": url, "LOG_FORMAT": "json", **more}


def run(
    command: Path, *arguments: str, folder: Path, url: str = ""
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [command, *arguments],
        env=variables(url),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def check_commands(bin_folder: Path, folder: Path, url: str) -> None:
    """Run each command in another folder, and migrate the database at `url`."""
    for name in commands.NAMES:
        done = run(bin_folder / name, "--version", folder=folder)
        assert (done.returncode, done.stdout) == (0, f"{name} {VERSION}\n"), done.stderr
    migrate = bin_folder / "crawljobs-migrate"
    for arguments in (("upgrade",), ("check",), ("current",)):
        done = run(migrate, *arguments, folder=folder, url=url)
        assert done.returncode == 0, done.stderr
    assert "(the newest)" in done.stdout


def start(command: Path, folder: Path, **more: str) -> ServiceProcess:
    log = folder / f"{command.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [command],
            env=variables(**more),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return ServiceProcess(command.name, process, log)


def check_services(bin_folder: Path, folder: Path, url: str) -> None:
    """Start each service in another folder, and stop it when it is ready."""
    own = {
        "crawljobs-admin-api": {"ADMIN_API_TOKEN": TOKEN, "ADMIN_API_BIND": "127.0.0.1:0"},
        "crawljobs-scheduler": {},
        "crawljobs-worker": {"REDDIT_CLIENT_ID": "tests", "REDDIT_CLIENT_SECRET": "tests"},
    }
    started = [
        start(bin_folder / name, folder, DATABASE_URL=url, PROBE_BIND="127.0.0.1:0", **more)
        for name, more in own.items()
    ]
    try:
        for process in started:
            port = probes.address(process)
            wait_until(
                lambda: probes.status(port, "/readyz") == 200,  # noqa: B023 - used at once
                timeout=DEADLINE_SECONDS,
                describe=process.told,
            )
        for process in started:
            assert process.terminate()[0] == 0, process.told()
    finally:
        for process in started:
            process.kill()


def test_the_wheel_holds_the_packages_and_the_revisions(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"admin_api", "crawler_worker", "crawljobs", "crawljobs_migrations", "scheduler"}
    packed = {Path(name).name for name in names if name.startswith("crawljobs_migrations/versions")}
    assert packed == {path.name for path in (ROOT / "migrations/versions").glob("*.py")}
    assert not [name for name in names if "__pycache__" in name]
    files = {path for path in STATIC.rglob("*") if path.is_file()}
    shown = {f"admin_api/dashboard/static/{path.relative_to(STATIC).as_posix()}" for path in files}
    assert len(shown) > 30
    assert shown <= set(names), "the dashboard would miss files"


def test_the_commands_of_the_wheel_run_in_any_folder(
    bin_folder: Path, empty_database_url: str, tmp_path: Path
) -> None:
    check_commands(bin_folder, tmp_path, empty_database_url)
    asked = "import crawljobs; print(crawljobs.__file__)"
    found = run(bin_folder / "python", "-c", asked, folder=tmp_path).stdout
    assert found.startswith(str(bin_folder.parent))


def test_the_services_of_the_wheel_run_in_any_folder(
    bin_folder: Path, database_url: str, tmp_path: Path
) -> None:
    check_services(bin_folder, tmp_path, database_url)


@pytest.mark.deep
def test_the_wheel_and_its_locks_suffice_in_an_empty_environment(
    wheel: Path, empty_database_url: str, tmp_path: Path
) -> None:
    """All packages come from the package index, by hash."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", venv], check=True, timeout=INSTALL_SECONDS)
    pip = [venv / "bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    began = time.monotonic()
    for lock in LOCKS:
        locked = ROOT / "requirements" / f"{lock}.lock"
        options = ["install", "--no-deps", "--require-hashes", "-r", locked]
        subprocess.run([*pip, *options], check=True, timeout=INSTALL_SECONDS)
    install = [*pip, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, timeout=INSTALL_SECONDS)
    print(f"installed in {time.monotonic() - began:.1f} s")  # noqa: T201 - a figure for -s
    check_commands(venv / "bin", tmp_path, empty_database_url)
    check_services(venv / "bin", tmp_path, empty_database_url)
