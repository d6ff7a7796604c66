import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import psycopg
import pytest

from onebox.demo_errors import DataFolderError, PostgresError
from onebox.postgres import binaries, cluster
from onebox.postgres.server_options import Options
from support import needs, processes
from support.embedded import HOLD_ONE, embedded, query


def postgres_processes_on(folder: Path) -> list[list[str]]:
    commands = (process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
    return [command for command in commands if command and str(folder / "postgres") in command]


def test_data_and_port_survive_a_restart(open_folder: Path) -> None:
    with embedded(open_folder, Options(max_connections=10)) as server:
        first = server.url()
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert not postgres_processes_on(open_folder)

    with embedded(open_folder, Options(max_connections=10)) as server:
        assert server.url() == first
        assert query(first, "SELECT answer FROM kept") == 42


def test_a_long_path_with_odd_characters_is_no_trouble(open_folder: Path) -> None:
    folder = open_folder / ("long" * 30) / "with 100% 'quotes' \u00e9 and $HOME; spaces"
    folder.mkdir(parents=True)
    with embedded(folder) as server:
        assert query(server.url(), "SHOW data_directory") == str(folder / "postgres")


def test_only_the_password_lets_in(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        password = server.url().split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            query(server.url().replace(password, "wrong"), "SELECT 1")
        assert query(server.url(), "SHOW listen_addresses") == "127.0.0.1"
        assert (server.data / cluster.PASSWORD_FILE).stat().st_mode & 0o077 == 0
        assert server.data.stat().st_mode & 0o077 == 0


def test_killing_its_parent_leaves_no_postgres_and_the_next_start_works(
    open_folder: Path, python_path: str
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_ONE, str(open_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": python_path},
    )
    assert holder.stdin and holder.stdout
    with holder:
        pid, url = holder.stdout.readline().split()
        assert query(url, "SELECT 1") == 1
        family = processes.family(int(pid))
        assert len(family) > 3
        holder.kill()
    with embedded(open_folder, Options(max_connections=10)) as server:
        assert query(server.url(), "SELECT 1") == 1
    processes.wait_until_gone(family, timeout=20)


def test_a_folder_of_another_version_is_refused_and_left_alone(open_folder: Path) -> None:
    data = open_folder / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(DataFolderError, match=r"by PostgreSQL 9, this is PostgreSQL \d+: give"):
        embedded(open_folder).start()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_with_something_else_in_it_is_refused(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir()
    (open_folder / "postgres" / "letters.txt").write_text("dear")
    with pytest.raises(DataFolderError, match="contains files, but no data of Postgres"):
        embedded(open_folder).start()


def test_a_folder_below_a_file_is_refused(open_folder: Path) -> None:
    (open_folder / "file").touch()
    with pytest.raises(DataFolderError, match="cannot be written"):
        embedded(open_folder / "file" / "data")


def test_a_full_disk_is_refused_before_anything_is_written(open_folder: Path) -> None:
    with pytest.raises(DataFolderError, match=r"Only \d+ MB are free .* free some disk"):
        embedded(open_folder, Options(free_bytes=2**60)).start()
    assert not (open_folder / "postgres").exists()


def test_a_taken_port_is_refused_with_its_number(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PostgresError, match=f"Port {port} on 127.0.0.1 is taken"):
            embedded(open_folder, Options(port=port)).start()
    assert not postgres_processes_on(open_folder)


def test_the_port_used_before_is_given_up_when_it_is_taken(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        before = server.port
    with socket.create_server(("127.0.0.1", before)), embedded(open_folder) as server:
        assert server.port != before
        assert query(server.url(), "SELECT 1") == 1


def test_a_wrong_setting_says_what_postgres_said_and_leaves_nothing(open_folder: Path) -> None:
    options = Options(durable=False, settings={"shared_buffers": "plenty"})
    with pytest.raises(PostgresError, match='invalid value for parameter "shared_buffers"'):
        embedded(open_folder, options).start()
    assert not postgres_processes_on(open_folder)


def test_a_stale_pid_file_naming_a_living_process_does_not_stop_a_start(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        pid_file = server.data / "postmaster.pid"
        content = pid_file.read_text()
    pid_file.write_text(content.replace(content.split("\n")[0], str(os.getppid()), 1))
    with embedded(open_folder) as server:
        assert query(server.url(), "SELECT 1") == 1


def test_sessions_of_a_killed_server_are_waited_for(open_folder: Path) -> None:
    server = embedded(open_folder)
    server.start()
    assert server.pid
    with psycopg.connect(server.url()) as connection:
        pid = connection.info.backend_pid
        session = psutil.Process(pid)
        session.suspend()  # the session cannot notice that its server has died
        psutil.Process(server.pid).kill()
        server.stop()
        threading.Timer(1.0, session.resume).start()
        with embedded(open_folder) as later:
            assert processes.is_gone(session)
            assert query(later.url(), "SELECT 1") == 1


def test_a_half_made_cluster_is_made_again(open_folder: Path) -> None:
    draft = open_folder / "postgres.new" / "data"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with embedded(open_folder) as server:
        assert query(server.url(), "SELECT 1") == 1
    assert not draft.exists()


def test_the_programs_of_an_installed_postgres_work_too(open_folder: Path) -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not installed:
        needs.missing("a PostgreSQL installed from packages")
    with embedded(open_folder, Options(durable=False, bindir=installed[0].parent)) as server:
        version = query(server.url(), "SHOW server_version")
        assert str(version).startswith(str(server.version))


def test_programs_that_are_not_there_are_told(open_folder: Path) -> None:
    with pytest.raises(PostgresError, match="cannot be run by"):
        embedded(open_folder, Options(bindir=open_folder))


def test_a_wheel_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")
    with pytest.raises(PostgresError, match="set DATABASE_URL"):
        binaries.embedded_bindir()
