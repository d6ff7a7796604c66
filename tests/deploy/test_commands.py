"""The commands have one name in the wheel, in images, in a checkout and in all documents."""

import importlib
import os
import re
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crawljobs import errors
from crawljobs.settings import read_admin_api_settings
from crawljobs.version import VERSION
from support import commands

ROOT = commands.ROOT
DEADLINE_SECONDS = 60
OLD_FORMS = re.compile(
    r"""-m["',\s]+"""
    r"""(?:migrations|gunicorn|admin_api|crawler_worker|scheduler|crawljobs\.migrate)\b"""
    r"""|gunicorn -c python:"""
)
# The demo starts modules of its own checkout and gunicorn with settings of its own; the changelog
# names the old commands.
FOLDERS = ("shared", "services", "migrations", "deploy", "docs", "tests", ".ci")
SUFFIXES = {".md", ".py", ".yaml", ".yml", ".toml", ".sh", ".env", ""}
EXCEPTIONS = {"deploy/onebox/processes/services.py", "CHANGELOG.md", "tests/support/commands.py"}


def entry_points() -> dict[str, str]:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    return dict(found)


def test_the_wheel_and_the_images_have_the_same_commands() -> None:
    assert sorted(entry_points()) == sorted(path.name for path in commands.FOLDER.iterdir())
    assert sorted(entry_points()) == sorted(commands.NAMES)
    for name, entry in entry_points().items():
        module, function = entry.split(":")
        script = (commands.FOLDER / name).read_text()
        # Python replaces `env`, so it is process 1 of a container and receives the signals.
        assert script == (
            f"#!/usr/bin/env -S python -P\nfrom {module} import {function}\n\n{function}()\n"
        )
        assert os.access(commands.FOLDER / name, os.X_OK)


def project_files() -> list[Path]:
    """Return the files of the project. Folders that programs make are left out."""
    made = {".git", "__pycache__", "node_modules", "secrets"}
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return [
        path
        for path in (*ROOT.glob("*"), *found)
        if path.suffix in SUFFIXES and not made & {*path.parts} and path.is_file()
    ]


def test_documents_manifests_and_tests_use_the_names_of_the_commands() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in project_files()
        if str(path.relative_to(ROOT)) not in EXCEPTIONS and path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if OLD_FORMS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "Run `python -m migrations upgrade`.",
        'ENTRYPOINT ["python", "-P", "-m", "scheduler"]',
        '[sys.executable, "-m", "gunicorn", "-c", x]',
        "gunicorn -c python:admin_api.gunicorn_conf",
    ],
)
def test_such_a_line_would_be_found(line: str) -> None:
    assert OLD_FORMS.search(line)


@pytest.mark.parametrize("name", commands.NAMES)
def test_a_checkout_has_the_commands_and_they_work_in_any_folder(name: str, tmp_path: Path) -> None:
    """`./run` writes the commands into the environment."""
    done = subprocess.run(
        [Path(sys.executable).parent / name, "--version"],
        env={"PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{name} {VERSION}\n"), done.stderr


def call(name: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """Call the function of a command, and return its exit code."""
    module, function = entry_points()[name].split(":")
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        getattr(importlib.import_module(module), function)()
    return ended.value.code


@pytest.mark.parametrize("name", commands.NAMES)
def test_unknown_arguments_are_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ("--unknown", "extra", "-c")
    known = ("check",) if name == "crawljobs-migrate" else ()
    for argument in wrong:
        assert call(name, *known, argument, monkeypatch=monkeypatch) == 2
        assert f"{name}: error: unrecognized arguments: {argument}" in capsys.readouterr().err


@pytest.mark.parametrize("name", commands.NAMES)
def test_the_help_names_settings_of_the_reference(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(name, "--help", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {name} ")
    assert max(map(len, printed.splitlines())) <= 100
    named = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", printed)) - {"NAME_FILE"}
    assert "DATABASE_URL" in named
    reference = (ROOT / "docs/reference/settings.md").read_text()
    unknown = {one for one in named if f"`{one.removesuffix('_FILE')}`" not in reference}
    assert unknown == set()


def test_the_help_names_the_shortest_token_that_is_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call("crawljobs-admin-api", "--help", monkeypatch=monkeypatch)
    printed = capsys.readouterr().out
    (shortest,) = map(int, re.findall(r"at least (\d+) characters", printed))
    token = string.ascii_letters[:shortest]
    read_admin_api_settings({"ADMIN_API_TOKEN": token})
    with pytest.raises(errors.SettingsError, match="characters"):
        read_admin_api_settings({"ADMIN_API_TOKEN": token[1:]})
