"""The operations pages: their queries run, and their commands, ports and variables exist."""

import re
from pathlib import Path

import pytest

from crawljobs.db.database import Connection
from support import images, service_variables

ROOT = images.ROOT
RUNBOOK = images.ROOT / "deploy" / "README.md"
TEXT = RUNBOOK.read_text()
OPERATIONS = images.ROOT / "docs" / "operations"
DEPLOYING = (OPERATIONS / "deploying.md").read_text()

# Names in the form of a variable that are not variables of the project.
OF_POSTGRES = {"CREATEROLE", "DELETE", "NOLOGIN", "PGOPTIONS"}
OF_OPEN_TELEMETRY = {"OTEL_TRACES_SAMPLER", "OTEL_RESOURCE_ATTRIBUTES"}


def queries(text: str) -> list[str]:
    blocks = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [query.strip() for block in blocks for query in block.split(";") if query.strip()]


@pytest.mark.parametrize("query", queries(TEXT), ids=lambda query: query[:40])
def test_every_query_runs_on_the_schema(conn: Connection, query: str) -> None:
    conn.exec_driver_sql(query.replace("%", "%%")).all()


@pytest.mark.parametrize("target", [*images.SERVICES, "migrations"])
def test_commands_and_ports_are_those_of_the_images(target: str) -> None:
    image = images.read(target)
    (row,) = re.findall(rf"^\| {target} \|.*$", DEPLOYING, re.MULTILINE)
    command = " ".join([*image.entrypoint, *image.command])
    assert f"`{command}`" in row
    if target in ("admin-api", "crawler-worker"):
        assert all(f"{port}: " in row for port in image.ports)


@pytest.mark.parametrize(
    "page", [RUNBOOK, *sorted(OPERATIONS.glob("*.md"))], ids=lambda page: page.stem
)
def test_every_variable_that_is_named_is_one_that_the_code_reads(page: Path) -> None:
    content = page.read_text()
    named = set(re.findall(r"`([A-Z][A-Z_]{5,})`", content))
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```", content, re.MULTILINE | re.DOTALL))
    of_blocks = set(re.findall(r"\$\{?([A-Z_]+)|\bexport ([A-Z_]+)=", blocks))
    of_compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    known = service_variables.known() | OF_POSTGRES | OF_OPEN_TELEMETRY
    known |= {name for names in of_blocks for name in names}
    assert named <= known | (of_compose if page.stem == "compose" else set())


def test_the_folders_of_the_runbook_exist() -> None:
    folders = re.findall(r"^\| `([a-z_]+/)`", TEXT, re.MULTILINE)
    assert folders
    for folder in folders:
        assert Path(RUNBOOK.parent, folder).is_dir(), folder
