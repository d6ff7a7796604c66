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

from admin_api.schemas.content_filter import ItemParameters
from crawljobs.db.database import Database
from crawljobs.repository.content.reads import item_page_sql, post_trees
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


@pytest.fixture
def answers(emptied_server: Gunicorn, emptied_url: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Return the answers to the commands of the page, in its order."""
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
            ["bash", "-c", command], env=variables, capture_output=True, timeout=30, check=True
        )
        found.append(json.loads(done.stdout))
    return found


def test_each_command_shows_content(answers: list[dict[str, Any]]) -> None:
    token, *shown = answers
    assert token["scopes"] == ["content"]
    assert len(shown) == 6
    for command, answer in zip(COMMANDS[1:], shown, strict=True):
        assert len(answer["items"]) == 1, (command, answer)


def test_the_parameters_and_limits_are_those_of_the_code() -> None:
    table = PAGE.partition("| parameter |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert set(named) == set(ItemParameters().fields)
    assert f"at most {item_page_sql.SCAN_LIMIT:,} items" in PAGE
    assert f"at most {post_trees.TREE_MAX:,} comments" in PAGE
