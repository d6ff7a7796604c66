import tempfile
from pathlib import Path

import psycopg
import pytest

from support import postgres
from support.postgres import NoPostgresError, find


def test_a_given_address_is_used(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv(postgres.URL_VARIABLE, database_url)
    with find("auto") as server:
        assert server.url == database_url
        assert postgres.URL_VARIABLE in server.description


def test_a_given_address_that_does_not_answer_is_an_error_and_nothing_else_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(postgres.URL_VARIABLE, "postgresql://127.0.0.1:9/none")
    with pytest.raises(NoPostgresError, match="TEST_DATABASE_URL cannot be used"), find("auto"):
        pass


def test_without_docker_the_embedded_one_is_used_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(postgres.URL_VARIABLE, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    with find("auto") as server:
        assert "embedded" in server.description
        with psycopg.connect(server.url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row
        assert Path(row[0]).parent.exists()
    assert not Path(row[0]).parent.exists()


def test_what_cannot_be_had_is_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(postgres.URL_VARIABLE, raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    for choice, reason in (
        ("url", "TEST_DATABASE_URL is not set"),
        ("docker", "no engine at unix://"),
        (str(tmp_path), "expected auto, url, docker, embedded"),
    ):
        with pytest.raises(NoPostgresError, match=reason), find(choice):
            pass


def test_where_memory_is_no_file_system_of_its_own_the_disk_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres, "MEMORY", tmp_path)
    assert postgres._scratch_place() == Path(tempfile.gettempdir())


def test_a_folder_whose_run_was_killed_is_removed_and_one_in_use_is_not(
    tmp_path: Path,
) -> None:
    abandoned = tmp_path / f"{postgres.FOLDER_PREFIX}abandoned"
    abandoned.mkdir()
    (abandoned / "owner").touch()
    with postgres._scratch_folder(tmp_path) as one, postgres._scratch_folder(tmp_path) as two:
        assert one.exists()
        assert two.exists()
        assert not abandoned.exists()
        assert one.stat().st_mode & 0o077 == 0o011
    assert list(tmp_path.iterdir()) == []
