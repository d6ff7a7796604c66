"""Pauses over HTTP: what their audit rows name, and how they end."""

from typing import Any

import flask.testing

from crawljobs.db.database import Database
from crawljobs.repository.operations import audit_log

Client = flask.testing.FlaskClient
QUEUE, SUBREDDITS = "/api/admin/queue", "/api/admin/subreddits"


def entries(database: Database) -> list[tuple[Any, ...]]:
    with database.begin() as conn:
        found = audit_log.list_entries(conn).entries
    return [(one.action, one.resource_type, one.resource_id) for one in found]


def test_an_audit_row_names_the_paused_subreddit_or_the_whole_queue(
    client: Client, database: Database
) -> None:
    for scope in ({}, {"subreddit": "python"}):
        assert client.post(f"{QUEUE}/pause", json={"reason": "x", **scope}).status_code == 200
        assert client.post(f"{QUEUE}/resume", json=scope).status_code == 200
    subreddit = client.get(f"{SUBREDDITS}/python").get_json()
    assert entries(database) == [
        ("resume", "subreddit", str(subreddit["id"])),
        ("pause", "subreddit", str(subreddit["id"])),
        ("resume", "queue", None),
        ("pause", "queue", None),
    ]


def test_a_subreddit_that_an_operator_pauses_first_has_no_discovery_steps(client: Client) -> None:
    client.post(f"{QUEUE}/pause", json={"reason": "x", "subreddit": "python"})
    shown = client.get(f"{SUBREDDITS}/python").get_json()
    assert (shown["depth"], shown["discovered_from"]) == (0, None)


def test_a_pause_that_has_ended_cannot_be_resumed(client: Client, database: Database) -> None:
    client.post(f"{QUEUE}/pause", json={"reason": "x", "until": "2999-01-01T00:00:00Z"})
    with database.begin() as conn:
        conn.exec_driver_sql("UPDATE queue_pauses SET until = now() - interval '1 minute'")
    rows = entries(database)
    answer = client.post(f"{QUEUE}/resume", json={})
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "not_paused"
    assert [row for row in entries(database) if row[0] != "refused"] == rows
