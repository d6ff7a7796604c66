"""Subreddits over HTTP: two changes at once, and the largest id."""

import threading
from typing import Any

import flask.testing
from sqlalchemy import text

from crawljobs.db.database import Database
from support.locks import wait_until_blocked

Client = flask.testing.FlaskClient
SUBREDDITS = "/api/admin/subreddits"
INT8_MAX = 2**63 - 1


def test_the_second_of_two_changes_at_once_is_refused(client: Client, database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("INSERT INTO subreddits (name) VALUES ('python')"))
    seen = {"If-Match": client.get(f"{SUBREDDITS}/python").headers["ETag"]}
    answers: list[Any] = []

    def change() -> None:
        body = {"min_request_gap_seconds": 9}
        answers.append(client.patch(f"{SUBREDDITS}/python", json=body, headers=seen))

    second = threading.Thread(target=change)
    with database.begin() as conn:
        conn.execute(text("UPDATE subreddits SET min_request_gap_seconds = 5"))
        second.start()
        wait_until_blocked(database)
    second.join(10)
    assert answers[0].status_code == 412
    assert client.get(f"{SUBREDDITS}/python").get_json()["min_request_gap_seconds"] == 5


def test_a_subreddit_with_the_largest_id_is_shown(client: Client, database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text("INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE VALUES (:id, 'last')"),
            {"id": INT8_MAX},
        )
    shown = client.get(f"{SUBREDDITS}/{INT8_MAX}")
    assert (shown.status_code, shown.get_json()["name"]) == (200, "last")
    assert client.get(f"{SUBREDDITS}/{INT8_MAX + 1}").status_code == 404
