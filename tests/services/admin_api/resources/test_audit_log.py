"""The API filters the audit log, lists it by pages and exports all of it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import flask.testing
import pytest
import structlog

from crawljobs.db.database import Database
from crawljobs.domain.actor import Actor
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log

LOG = "/api/admin/audit-log"
Client = flask.testing.FlaskClient


@pytest.fixture
def recorded(client: Client, database: Database) -> Client:
    """Record eight entries with two actors, two actions, two resources and four requests."""
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
    for scan_limit in (10_000, 2):
        monkeypatch.setattr(audit_log, "SCAN_LIMIT", scan_limit)
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
    monkeypatch.setattr("admin_api.resources.audit.EXPORT_BATCH", 3)
    listed = recorded.get(f"{LOG}?actor=bob").json
    assert listed is not None
    lines = recorded.get(f"{LOG}/export?actor=bob&format=jsonl")
    assert lines.mimetype == "application/jsonl"
    *exported, end = [json.loads(line) for line in lines.text.splitlines()]
    assert exported == listed["items"]
    assert end == {"end": "complete", "entries": 4, "next": None}
    table = recorded.get(f"{LOG}/export?actor=bob")
    assert table.mimetype == "text/csv"
    assert table.headers["Content-Disposition"] == 'attachment; filename="audit-log.csv"'
    *rows, last = csv.DictReader(io.StringIO(table.text))
    assert [*last.values()][:4] == ["#end", "complete", "entries=4", "next="]
    assert set([*last.values()][4:]) == {""}
    assert [row["id"] for row in rows] == [str(entry["id"]) for entry in listed["items"]]
    assert json.loads(rows[0]["after"]) == listed["items"][0]["after"]
    assert rows[0]["peer_address"] == ""


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("limit", [1, 3, 4, 8, 9])
def test_an_export_in_parts_says_at_each_end_where_it_goes_on(
    recorded: Client, form: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admin_api.resources.audit.EXPORT_BATCH", 2)
    found, cursor, parts = [], "", 0
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        answer = recorded.get(f"{LOG}/export?format={form}&limit={limit}{more}")
        if form == "jsonl":
            *entries, end = [json.loads(line) for line in answer.text.splitlines()]
        else:
            *entries, last = csv.DictReader(io.StringIO(answer.text))
            _, state, count, after = [*last.values()][:4]
            end = {"end": state, "entries": int(count[8:]), "next": after[5:] or None}
        assert (len(entries) <= limit) and end["entries"] == len(entries)
        assert (end["end"] == "complete") == (end["next"] is None)
        found += [int(entry["id"]) for entry in entries]
        cursor, parts = end["next"], parts + 1
    assert found == sorted(found, reverse=True)
    assert (len(found), parts) == (8, -(-8 // limit))


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_that_breaks_off_is_logged(
    recorded: Client, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admin_api.resources.audit.EXPORT_BATCH", 2)
    read, pages = audit_log.list_entries, []

    def once(*arguments: Any, **options: Any) -> Any:
        pages.append(1)
        if len(pages) > 2:
            raise DatabaseUnavailable("gone meanwhile")
        return read(*arguments, **options)

    monkeypatch.setattr(audit_log, "list_entries", once)
    # The test client raises the error of the view. A real server closes the connection.
    with structlog.testing.capture_logs() as told, pytest.raises(DatabaseUnavailable):
        recorded.get(f"{LOG}/export?format={form}", headers={"X-Request-Id": "mine"})
    (line,) = [line for line in told if line["event"] == "audit.export_failed"]
    assert (line["log_level"], line["reason"], line["request_id"]) == (
        ("warning", "gone meanwhile", "mine")
    )


def test_an_export_of_nothing_is_complete(recorded: Client) -> None:
    nothing = recorded.get(f"{LOG}/export?actor=nobody")
    assert nothing.text.splitlines()[1].startswith("#end,complete,entries=0,next=,")
    other = recorded.get(f"{LOG}/export?format=jsonl&limit=1").text.splitlines()[-1]
    cursor = json.loads(other)["next"]
    assert recorded.get(f"{LOG}/export?actor=bob&cursor={cursor}").status_code == 400
    assert recorded.get(f"{LOG}/export?format=csv&cursor={cursor}").status_code == 200


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
    actors = [row["actor"] for row in csv.DictReader(io.StringIO(table.text))][:-1]
    assert actors == ['a"b\nc', "'\t=1", "'@x", "'-1", "'+1", "'=1+1"]


@pytest.mark.parametrize(
    "query",
    [
        "format=xml",
        "format=csv&format=csv",
        "since=x",
        "actor=",
        "limit=0",
        "limit=100001",
        "cursor=x",
        "actor=%00",
    ],
)
def test_a_wrong_export_is_refused(offline: Client, query: str) -> None:
    response: Any = offline.get(f"{LOG}/export?{query}")
    assert response.status_code in (400, 422)


# Values that the driver, JSON or a page cannot show unchanged. Only a superuser can store them.
ODD = (
    ("at", "'infinity'"),
    ("at", "'-infinity'"),
    ("at", "'294276-12-31'"),
    ("at", "'4713-01-01 BC'"),
    ("before", "'[1, 2]'"),
    ("before", "'7'"),
    ("after", "'null'"),
    ("after", "(repeat('[', 3000) || repeat(']', 3000))::jsonb"),
    ("after", "(repeat('{\"a\":', 900) || '1' || repeat('}', 900))::jsonb"),
    ("after", "('{\"n\": 1' || repeat('0', 9000) || '}')::jsonb"),
    ("after", "('{\"n\": 1e' || 400 || '}')::jsonb"),
    ("after", "jsonb_build_object('text', repeat('x', 1000000))"),
    ("action", "'an action that no release knows'"),
    ("action", "E'\\u001b[31m\\n<script>'"),
    ("actor", "repeat('a', 100000)"),
    ("resource_id", "E'\\u202e\\u0007'"),
)


def test_every_row_can_be_read_whatever_is_in_it(client: Client, database: Database) -> None:
    """Rows from before the CHECK constraints are shown too. Values are changed where necessary."""
    made = client.post("/api/admin/jobs", json={"subreddit": "python"}).json
    assert made is not None
    with database.begin() as conn:
        for name in ("at", "sizes"):
            conn.exec_driver_sql(
                f"ALTER TABLE admin_audit_log DROP CONSTRAINT admin_audit_log_{name}_check"
            )
        for column, value in ODD:
            values = {
                "actor": "'a'",
                "action": "'x'",
                "resource_type": "'crawl_job'",
                "resource_id": "'1'",
                column: value,
            }
            conn.exec_driver_sql(
                f"INSERT INTO admin_audit_log ({', '.join(values)}) "
                f"VALUES ({', '.join(values.values())})"
            )
    listed = client.get(f"{LOG}?limit=500").json
    assert listed is not None
    assert len(listed["items"]) == 1 + len(ODD)
    for form in ("jsonl", "csv"):
        exported = client.get(f"{LOG}/export?format={form}")
        assert f"entries={1 + len(ODD)}" in exported.text or '"complete"' in exported.text
    assert client.get("/api/admin/jobs/1").status_code == 200
    assert [entry["before"] for entry in listed["items"] if entry["before"]] == [
        {"value": 7},
        {"value": [1, 2]},
    ]
