import os
from pathlib import Path

import pytest

from onebox.demo_errors import DataFolderError
from onebox.postgres import data_folder


def test_two_cannot_use_one_folder_and_the_next_can(tmp_path: Path) -> None:
    with data_folder.opened(tmp_path / "data") as folder:
        with (
            pytest.raises(DataFolderError, match=f"Another demo .process {os.getpid()}. uses"),
            data_folder.opened(tmp_path / "data"),
        ):
            pass
        assert folder.logs.is_dir()
    with data_folder.opened(tmp_path / "data"):
        pass


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataFolderError, match=r"Not a directory\): make it writable, or give"),
        data_folder.opened(tmp_path / "file" / "data"),
    ):
        pass


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataFolderError, match="File exists"),
        data_folder.opened(tmp_path / "file"),
    ):
        pass


def test_the_token_is_kept_and_private(tmp_path: Path) -> None:
    with data_folder.opened(tmp_path / "data") as folder:
        token = folder.token()
        assert len(token) >= 32
        assert folder.admin_token.stat().st_mode & 0o777 == 0o600
    with data_folder.opened(tmp_path / "data") as folder:
        assert folder.token() == token
        assert folder.admin_header.read_text() == f"Authorization: Bearer {token}\n"
        assert folder.admin_header.stat().st_mode & 0o777 == 0o600


def test_a_private_file_replaces_an_open_one_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text("old")
    (tmp_path / "ready.json").chmod(0o644)
    data_folder.write_private(tmp_path / "ready.json", "new")
    assert (tmp_path / "ready.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]


def test_a_private_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="cannot be written"):
        data_folder.write_private(tmp_path / "missing" / "ready.json", "new")
