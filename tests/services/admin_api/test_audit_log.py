"""The audit log: found by any filter, page by page, exported whole."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import flask.testing
import pytest

from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor
from crawljobs.repository import audit_log

LOG = "/api/admin/audit-log"
Client = flask.testing.FlaskClient


@pytest.fixture
def recorded(client: Client, database: Database) -> Client:
    """Eight entries: two actors, two actions, two resources, four requests."""
    with database.begin() as conn:
        for number in range(8):
            audit_log.record(
                conn,
                actor=Actor(
                    name=("ann", "bob")[number % 2],
                    request_id=f"r{number // 2}",
                    client_address="192.0.2.1",
                ),
                action=("boost", "cancel")[number // 4],
                resource_type="crawl_job",
                resource_id=1 + number % 4,
                before={"priority": number},
                after={"note": "=HYPERLINK(1)"},
            )
    return client


def numbers(client: Client, query: str = "", limit: int = 3) -> list[int]:
    found: list[int] = []
    address = f"{LOG}?limit={limit}&{query}"
    while address:
        response = client.get(address)
        assert response.status_code == 200, response.text
        assert response.json is not None
        found += [entry["before"]["priority"] for entry in response.json["items"]]
        link = response.headers.get("Link", "")
        address = link[1 : link.index(">")] if link else ""
    return found


def test_entries_are_listed_newest_first_and_by_any_filter(
    recorded: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for look_at in (10_000, 2):
        monkeypatch.setattr(audit_log, "LOOK_AT", look_at)
        assert numbers(recorded) == [7, 6, 5, 4, 3, 2, 1, 0]
        assert numbers(recorded, "actor=bob") == [7, 5, 3, 1]
        assert numbers(recorded, "action=cancel") == [7, 6, 5, 4]
        assert numbers(recorded, "actor=ann&action=boost") == [2, 0]
        assert numbers(recorded, "resource_type=crawl_job&resource_id=2") == [5, 1]
        assert numbers(recorded, "resource_id=2&actor=bob") == [5, 1]
        assert numbers(recorded, "request_id=r1") == [3, 2]
        assert numbers(recorded, "resource_type=schedule") == []


def test_entries_are_found_by_time(recorded: Client) -> None:
    now = datetime.now(UTC)
    before, after = (
        (now + timedelta(hours=hours)).isoformat().replace("+00:00", "Z") for hours in (-1, 1)
    )
    assert len(numbers(recorded, f"since={before}&until={after}")) == 8
    assert numbers(recorded, f"until={before}") == []
    assert numbers(recorded, f"since={after}") == []
    listed = recorded.get(f"{LOG}?limit=2").json
    assert listed is not None
    newest = listed["items"][0]["at"]
    assert numbers(recorded, f"since={newest}") == [7]
    assert numbers(recorded, f"until={newest}")[0] == 6


def test_an_export_holds_what_the_list_holds(
    recorded: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admin_api.audit.EXPORTED_AT_ONCE", 3)
    listed = recorded.get(f"{LOG}?actor=bob").json
    assert listed is not None
    lines = recorded.get(f"{LOG}/export?actor=bob&format=jsonl")
    assert lines.mimetype == "application/jsonl"
    assert [json.loads(line) for line in lines.text.splitlines()] == listed["items"]
    table = recorded.get(f"{LOG}/export?actor=bob")
    assert table.mimetype == "text/csv"
    assert table.headers["Content-Disposition"] == 'attachment; filename="audit-log.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["id"] for row in rows] == [str(entry["id"]) for entry in listed["items"]]
    assert json.loads(rows[0]["after"]) == listed["items"][0]["after"]
    assert rows[0]["peer_address"] == ""


def test_an_export_is_bounded(recorded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin_api.audit.EXPORTED_AT_ONCE", 2)
    monkeypatch.setattr("admin_api.audit.EXPORT_MAX", 5)
    lines = recorded.get(f"{LOG}/export?format=jsonl").text.splitlines()
    assert [json.loads(line)["before"]["priority"] for line in lines] == [7, 6, 5, 4, 3]
    nothing = recorded.get(f"{LOG}/export?actor=nobody")
    assert len(nothing.text.splitlines()) == 1


def test_no_cell_of_a_table_is_a_formula(client: Client, database: Database) -> None:
    with database.begin() as conn:
        for text in ("=1+1", "+1", "-1", "@x", "\t=1", 'a"b\nc'):
            audit_log.record(
                conn,
                actor=Actor(name=text),
                action="x",
                resource_type="x",
                resource_id=None,
            )
    table = client.get(f"{LOG}/export")
    actors = [row["actor"] for row in csv.DictReader(io.StringIO(table.text))]
    assert actors == ['a"b\nc', "'\t=1", "'@x", "'-1", "'+1", "'=1+1"]


@pytest.mark.parametrize(
    "query",
    ["format=xml", "format=csv&format=csv", "since=x", "actor=", "limit=5", "actor=%00"],
)
def test_a_wrong_export_is_refused(offline: Client, query: str) -> None:
    response: Any = offline.get(f"{LOG}/export?{query}")
    assert response.status_code in (400, 422)
