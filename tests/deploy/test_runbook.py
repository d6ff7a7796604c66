"""The runbook's queries run, and what it says of processes is so."""

import re
from pathlib import Path

import pytest

from crawljobs.db.database import Connection
from support import images, service_variables

RUNBOOK = images.ROOT / "deploy" / "README.md"
TEXT = RUNBOOK.read_text()


def queries(text: str) -> list[str]:
    blocks = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [query.strip() for block in blocks for query in block.split(";") if query.strip()]


@pytest.mark.parametrize("query", queries(TEXT), ids=lambda query: query[:40])
def test_every_query_runs_on_the_schema(conn: Connection, query: str) -> None:
    conn.exec_driver_sql(query.replace("%", "%%")).all()


@pytest.mark.parametrize("target", [*images.SERVICES, "migrations"])
def test_commands_and_ports_are_those_of_the_images(target: str) -> None:
    image = images.read(target)
    (row,) = re.findall(rf"^\| {target} \|.*$", TEXT, re.MULTILINE)
    command = " ".join([*image.entrypoint, *image.command])
    assert f"`{command}`" in row
    if target in ("admin-api", "crawler-worker"):
        assert all(f"{port}: " in row for port in image.ports)


def test_every_variable_that_is_named_is_one_that_the_code_reads() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]{5,})`", TEXT))
    assert named
    assert named <= service_variables.known()


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (RUNBOOK.parent / target).exists(), target
    for folder in re.findall(r"^\| `([a-z]+/)`", TEXT, re.MULTILINE):
        assert Path(RUNBOOK.parent, folder).is_dir(), folder
