import os
from pathlib import Path

import pytest

from crawljobs.settings.content import read_content_key
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
        pytest.raises(DataFolderError, match=r"Not a directory\): give the path of a folder"),
        data_folder.opened(tmp_path / "file" / "data"),
    ):
        pass


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataFolderError, match=r"File exists\): give the path of a folder"),
        data_folder.opened(tmp_path / "file"),
    ):
        pass


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "text"},
        {".hidden": ""},
        {"lock": "held by another program", "README.md": ""},
        {"lock": "", "LOG": "of another program"},
        {"postgres/PG_VERSION": "18"},
    ],
)
def test_a_folder_with_other_files_is_refused_and_not_changed(
    tmp_path: Path, files: dict[str, str]
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(DataFolderError, match="contains other files: give an empty or new folder"),
        data_folder.opened(tmp_path),
    ):
        pass
    assert sorted(tmp_path.rglob("*")) == before
    assert all((tmp_path / name).read_text() == content for name, content in files.items())


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"lost+found": None},
        {"lock": "", "logs": None},  # a demo that was killed at its start
        {"lock": "123\n", "logs": None, "postgres": None},  # killed while it made the database
        {"reddit-source": "sandbox\n", "note.txt": "of the user"},
    ],
)
def test_an_empty_folder_and_a_folder_of_a_demo_are_used(
    tmp_path: Path, files: dict[str, str | None]
) -> None:
    for name, content in files.items():
        (tmp_path / name).mkdir() if content is None else (tmp_path / name).write_text(content)
    with data_folder.opened(tmp_path) as folder:
        assert folder.token()
    with data_folder.opened(tmp_path) as folder:
        assert folder.token()


def test_the_token_is_kept_and_private(tmp_path: Path) -> None:
    with data_folder.opened(tmp_path / "data") as folder:
        token = folder.token()
        key = folder.make_content_key().read_text()
        assert read_content_key({"CONTENT_KEY": key}) == key.strip().encode()
        assert folder.content_key.stat().st_mode & 0o777 == 0o600
        assert len(token) >= 32
        assert folder.admin_token.stat().st_mode & 0o777 == 0o600
    with data_folder.opened(tmp_path / "data") as folder:
        assert folder.token() == token
        assert folder.make_content_key().read_text() == key
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
