"""The reference pages list the code's endpoints, tables, rights and metrics. Their queries run."""

import re
from pathlib import Path

import prometheus_client
import pytest

from admin_api.schemas.subreddit import SubredditSchema
from crawljobs.db.administration import grants
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit
from crawljobs.domain.coverage import WalkEnd
from crawljobs.runtime import metrics  # noqa: F401 - the import registers the metrics
from support import endpoint_table, gauge_names

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def section(page: str, title: str) -> str:
    text = (REFERENCE / page).read_text()
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_table_of_endpoints_is_that_of_the_openapi_document() -> None:
    """After a change, PYTHONPATH=tests python -m support.endpoint_table prints the new table."""
    written = [line for line in section("api.md", "Endpoints").splitlines() if line.startswith("|")]
    assert written == endpoint_table.table()


def test_the_names_that_are_no_subreddits_are_documented() -> None:
    named = set(re.findall(r"`(\w+)`", section("api.md", "Names of subreddits")))
    assert named - {"u_"} == subreddit.LISTINGS


def test_the_names_of_posts_walk_end_are_documented() -> None:
    text = (ROOT / "docs/concepts/crawling.md").read_text().partition("## Completeness")[2]
    described = SubredditSchema().fields["posts_walk_end"].metadata["description"]
    for end in WalkEnd:
        assert f"`{end}`" in text
        assert f"`{end}`" in described


def test_the_table_of_rights_is_the_one_that_is_granted() -> None:
    heads, _, *rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in (REFERENCE / "rights.md").read_text().splitlines()
        if line.startswith("|")
    ]
    granted = {
        table: [
            "".join(letter for letter, right in grants.LETTERS.items() if right in kinds[service])
            for service in grants.SERVICES
        ]
        for table, kinds in grants.TABLES.items()
    }
    assert heads == ["table", *grants.SERVICES]
    assert {table: letters for table, *letters in rows} == granted


def test_every_metric_is_documented_with_its_labels() -> None:
    text = (REFERENCE / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", text, re.MULTILINE)
    documented = {
        name: {label.strip() for label in labels.split(",")} - {""} for name, labels in rows
    }
    counted = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in prometheus_client.REGISTRY.collect()
        if family.name.startswith(("crawl_", "http_"))
    }
    assert set(documented) == gauge_names.all_gauges() | set(counted)
    for name, family in counted.items():
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == documented[name], name


def queries() -> list[str]:
    text = "\n".join(path.read_text() for path in sorted((ROOT / "docs").rglob("*.md")))
    blocks = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [query.strip() for block in blocks for query in block.split(";") if query.strip()]


@pytest.mark.parametrize("query", queries(), ids=lambda query: query[:40])
def test_every_query_runs_on_the_schema(conn: Connection, query: str) -> None:
    conn.exec_driver_sql(query.replace("%", "%%")).all()
