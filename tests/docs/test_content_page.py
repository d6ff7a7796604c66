"""The commands of the page about content work, as a reader runs them."""

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from admin_api.http.exports.export_reader import CHUNK_SECONDS
from admin_api.schemas.content_filter import ItemParameters
from admin_api.schemas.export_filter import RATE_MAX, RATE_MIN, ExportedItems, ExportedLinks
from crawljobs.db.database import Database
from crawljobs.repository.content.reads import item_page_sql, post_trees
from crawljobs.repository.exports.export_statement import CHUNK_ROWS
from support import admin_api, crawled, needs
from support.admin_api import Gunicorn

PAGE = (Path(__file__).parents[2] / "docs/reference/content.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    command
    for block in BLOCKS
    for command in block.replace("\\\n", "").splitlines()
    if command.startswith("curl")
]
EXPORTS = [command for command in COMMANDS if "/api/export/" in command]


@pytest.fixture
def answers(emptied_server: Gunicorn, emptied_url: str, tmp_path: Path) -> list[bytes]:
    """Return what the commands of the page print, in its order."""
    needs.program("curl")
    database = Database(emptied_url)
    with database.begin() as conn:
        home: dict[str, Any] = {
            "subreddit": "Pottery",
            "created_at": datetime(2026, 3, 1, tzinfo=UTC),
        }
        crawled.store(conn, crawled.post("p1", **home), crawled.comment("c1", **home))
        conn.execute(text("ANALYZE"))
    database.close()
    header = tmp_path / "admin-header"
    header.write_text(f"Authorization: Bearer {admin_api.TOKEN}\n")
    variables = {
        "PATH": os.environ["PATH"],
        "API": emptied_server.url,
        "ADMIN_API_HEADER": str(header),
    }
    found = []
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-c", re.sub(r" > [a-z.]+$", "", command)],
            env=variables, capture_output=True, timeout=30, check=True,
        )  # fmt: skip
        found.append(done.stdout)
    return found


def test_each_command_shows_content(answers: list[bytes]) -> None:
    token, *shown = (json.loads(answer) for answer in answers[: -len(EXPORTS)])
    assert token["scopes"] == ["content"]
    assert len(shown) == 6
    for command, answer in zip(COMMANDS[1:], shown, strict=False):
        assert len(answer["items"]) == 1, (command, answer)
    assert len(EXPORTS) == 6
    for command, exported in zip(EXPORTS, answers[-len(EXPORTS) :], strict=True):
        if "graphml" in command:
            assert exported.endswith(b"</graph>\n</graphml>\n")
        else:
            has_two = "edges" in command or "csv" in command
            assert len(exported.splitlines()) == (2 if has_two else 1)


def test_the_parameters_and_limits_are_those_of_the_code() -> None:
    table = PAGE.partition("| parameter |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert set(named) == set(ItemParameters().fields)
    table = PAGE.partition("| `format` |")[2].partition("\n\n")[0]
    named = ["format", *re.findall(r"^\| `(\w+)`(?:, `(\w+)`)?", table, re.MULTILINE)]
    flat = {name for names in named for name in ([names] if isinstance(names, str) else names)}
    assert flat - {""} == {*ExportedItems().fields, *ExportedLinks().fields}
    assert f"{RATE_MIN} to {RATE_MAX:,}" in PAGE
    assert f"A chunk of\n{CHUNK_ROWS:,} rows may take {CHUNK_SECONDS:.0f} s" in PAGE
    assert f"at most {item_page_sql.SCAN_LIMIT:,} items" in PAGE
    assert f"at most {post_trees.TREE_MAX:,} comments" in PAGE
