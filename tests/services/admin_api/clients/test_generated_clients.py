"""Clients that are generated from the OpenAPI document have types, and drive a real API."""

import json
import os
import subprocess
from pathlib import Path

import flask.testing
import pytest

from support import needs
from support.admin_api import TOKEN, Gunicorn, openapi_document

HERE = Path(__file__).parent
SECONDS = 120  # limit of one program; on a free machine each takes at most 10 s


@pytest.fixture(scope="module")
def document(offline: flask.testing.FlaskClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the OpenAPI document as a file."""
    path = tmp_path_factory.mktemp("clients") / "openapi.json"
    path.write_text(json.dumps(openapi_document(offline.application)))
    return path


@pytest.fixture(scope="module")
def python_client(document: Path) -> Path:
    """Return the folder with the generated package crawljobs_client."""
    target = document.parent / "python"
    bin_folder = needs.client_generators() / "bin"
    run(
        bin_folder / "openapi-python-client",
        *("generate", "--fail-on-warning", "--path", document, "--output-path", target),
        # The generator runs ruff on its output.
        env={"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
    )
    return target


def run(*command: object, **options: object) -> str:
    """Run a program to its end and return its output. The test fails if the program fails."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_the_document_is_valid_openapi(document: Path) -> None:
    run(needs.client_generators() / "bin" / "openapi-spec-validator", document)


def test_the_python_client_and_its_use_pass_a_strict_type_check(python_client: Path) -> None:
    run(
        needs.client_generators() / "bin" / "mypy",
        *("--strict", "--cache-dir", os.devnull, "--config-file", os.devnull),
        *(python_client / "crawljobs_client", HERE / "drive_api.py"),
        cwd=python_client,
    )


def test_the_python_client_drives_the_api(python_client: Path, server: Gunicorn) -> None:
    python = needs.client_generators() / "bin" / "python"
    run(
        *(python, HERE / "drive_api.py", server.url, TOKEN),
        env={"PYTHONPATH": str(python_client), "PATH": os.environ["PATH"]},
    )


@pytest.fixture(scope="module")
def typescript_client(document: Path) -> Path:
    """Return the folder with the generated types and with the code that uses them."""
    node = needs.program("node")
    packages = needs.client_generators() / "npm" / "node_modules"
    needs.folder(packages, "the generator of TypeScript clients")
    folder = document.parent
    generator = packages / "openapi-typescript/bin/cli.js"
    # Without this option, each field that has a default is required in a body.
    run(node, generator, document, "--default-non-nullable=false", "-o", folder / "api.ts")
    for name in ("usage.ts", "drive_api.ts"):
        (folder / name).write_text((HERE / name).read_text())
    return folder


def compile_typescript(folder: Path, name: str, *options: str) -> None:
    packages = needs.client_generators() / "npm" / "node_modules"
    run(
        *(needs.program("node"), packages / "typescript/bin/tsc", "--strict"),
        *("--target", "es2022", "--exactOptionalPropertyTypes", "--noUnusedLocals", *options),
        *(folder / "api.ts", folder / name),
    )


def test_the_typescript_types_and_their_use_compile(typescript_client: Path) -> None:
    compile_typescript(typescript_client, "usage.ts", "--noEmit", "--lib", "es2022")


def test_typescript_drives_the_api(typescript_client: Path, server: Gunicorn) -> None:
    options = ("--lib", "es2022,dom", "--module", "commonjs")
    compile_typescript(typescript_client, "drive_api.ts", *options)
    run(needs.program("node"), typescript_client / "drive_api.js", server.url, TOKEN)
