"""The embedded Postgres is started by ordinary users, and by root, which Postgres refuses."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from onebox.demo_errors import DataFolderError
from onebox.die_with_parent import SystemUser
from onebox.postgres import binaries, leftovers, place
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options
from support import linked_tree, needs, processes
from support.embedded import HOLD_ONE, THROWAWAY, embedded, query
from support.ordinary import OrdinaryPython


@pytest.fixture
def private_folder(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder that only root can enter, such as root's home. Its mode must not change."""
    needs.root()
    monkeypatch.setattr(place, "ELSEWHERE", open_folder / "elsewhere")
    folder = open_folder / "private"
    folder.mkdir(mode=0o700)
    yield folder
    assert folder.stat().st_mode & 0o777 == 0o700


def test_root_runs_it_as_somebody_else(open_folder: Path) -> None:
    needs.root()
    with embedded(open_folder) as server:
        assert server.pid
        assert psutil.Process(server.pid).username() in binaries.SERVER_USERS
        assert server.data == open_folder / "postgres"


def test_below_a_private_folder_the_cluster_lies_elsewhere_and_is_found_again(
    private_folder: Path, open_folder: Path
) -> None:
    with embedded(private_folder / "data") as server:
        assert server.data.is_relative_to(open_folder / "elsewhere")
        assert (private_folder / "data" / "postgres").resolve() == server.data
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with embedded(private_folder / "data") as server:
        assert query(server.url(), "SELECT answer FROM kept") == 42
    assert len(list((open_folder / "elsewhere").iterdir())) == 1


def test_below_a_private_folder_a_deleted_cluster_is_made_again(
    private_folder: Path, open_folder: Path
) -> None:
    with embedded(private_folder / "data"):
        pass
    shutil.rmtree(open_folder / "elsewhere")
    with embedded(private_folder / "data") as server:
        assert query(server.url(), "SELECT 1") == 1


def test_a_cluster_that_lies_elsewhere_goes_when_its_data_folder_is_gone(
    private_folder: Path, open_folder: Path
) -> None:
    elsewhere = open_folder / "elsewhere"
    data = private_folder / "data"
    with embedded(data) as server:
        cluster = server.data.parent
        data.rename(private_folder / "moved")
        leftovers.remove(elsewhere)
        assert cluster.exists(), "its data folder was only moved"
        shutil.rmtree(private_folder / "moved")
        leftovers.remove(elsewhere)
        assert cluster.exists(), "it runs"
    (elsewhere / "cluster-of-somebody").mkdir()
    with embedded(private_folder / "next"):
        left = {path.name for path in elsewhere.iterdir()} - {cluster.name}
        assert not cluster.exists()
        assert len(left) == 2
        assert "cluster-of-somebody" in left


def test_on_another_file_system_only_a_folder_missing_from_its_place_is_gone(
    tmp_path: Path,
) -> None:
    for name, home in (("unmounted", "/nowhere/data"), ("deleted", str(tmp_path / "data"))):
        folder = tmp_path / f"cluster-{name}"
        folder.mkdir()
        (folder / leftovers.MARKER).write_text(f"{home}/postgres\n")
    leftovers.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cluster-unmounted"]


def test_programs_below_a_private_folder_are_copied_once(
    private_folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = binaries.embedded_bindir().parents[2]
    for name in (binaries.PACKAGE, binaries.LIBRARIES):
        linked_tree.make(wheel / name, private_folder / name)
    install = binaries.embedded_bindir().relative_to(wheel)
    monkeypatch.setattr(binaries, "embedded_bindir", lambda: private_folder / install)
    monkeypatch.setattr(binaries, "CACHES", (open_folder / "cache",))

    with embedded(open_folder) as server:
        assert server.bindir.is_relative_to(open_folder / "cache")
        made = server.bindir.stat().st_ctime_ns
    user = binaries.server_user()
    assert binaries.locate(None, user).bindir.stat().st_ctime_ns == made


def test_a_cache_that_others_can_write_to_is_not_trusted(open_folder: Path) -> None:
    needs.root()
    (open_folder / "cache").mkdir()
    (open_folder / "cache").chmod(0o777)
    assert not binaries._own_folder(open_folder / "cache")


def test_an_ordinary_user_runs_it_and_killing_the_parent_leaves_nothing(
    open_folder: Path, ordinary_user: SystemUser, ordinary_python: OrdinaryPython
) -> None:
    folder = open_folder / "own"
    folder.mkdir()
    os.chown(folder, ordinary_user.uid, ordinary_user.gid)
    with ordinary_python.start(HOLD_ONE, str(folder)) as holder:
        assert holder.stdout
        pid, url = holder.stdout.readline().split()
        assert query(url, "SELECT 1") == 1
        family = processes.family(int(pid))
        assert processes.owners(family) == {ordinary_user.name}
        holder.kill()
    processes.wait_until_gone(family, timeout=10)


def test_a_folder_that_cannot_be_written_is_refused_with_a_sentence(
    open_folder: Path, request: pytest.FixtureRequest
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o555)
    if os.geteuid() != 0:
        with pytest.raises(DataFolderError, match="cannot be written"):
            EmbeddedPostgres(closed / "postgres", log=open_folder / "log", options=THROWAWAY)
        return
    python: OrdinaryPython = request.getfixturevalue("ordinary_python")
    with python.start(HOLD_ONE, str(closed)) as refused:
        _, told = refused.communicate(timeout=20)
    assert f"The data folder {closed} cannot be written" in told


def test_a_disk_that_fills_up_stops_with_what_postgres_said(open_folder: Path) -> None:
    needs.root()
    small = open_folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        needs.missing("the right to mount a file system")
    try:
        with pytest.raises(DataFolderError, match="disk is full"):
            embedded(small, Options(durable=False, free_bytes=0)).start()
        with pytest.raises(DataFolderError, match="free some disk"):
            embedded(small, THROWAWAY).start()
        assert not (small / "postgres").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)
