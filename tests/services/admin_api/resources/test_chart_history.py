"""GET /api/admin/history: aligned steps, gaps as null, bounded points, and few index reads."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain import history_series
from crawljobs.domain.history_series import ChartStep
from crawljobs.repository.history import chart_queries, chart_reads
from support import admin_api, history_rows, plans
from support.databases import Databases

Client = flask.testing.FlaskClient
PATH = "/api/admin/history"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTES = 14 * 24 * 60
HOURS = 366 * 24


@pytest.fixture(scope="module")
def full(databases: Databases) -> Iterator[tuple[Client, Database, datetime]]:
    """Yield a client, a database with 14 days of minutes and a year of hours, and their end."""
    with databases.clone() as url, admin_api.opened(url) as app:
        database = Database(url)
        with database.begin() as conn:
            until = history_rows.fill(conn, minutes=MINUTES, hours=HOURS, clients=("me", "you"))
        yield admin_api.with_token(app), database, until
        database.close()


def ask(client: Client, series: str = "waiting", **params: Any) -> dict[str, Any]:
    named = {name.rstrip("_"): _shown(value) for name, value in params.items()}
    response = client.get(f"{PATH}?{urlencode({'series': series, **named})}")
    assert response.status_code == 200, response.text
    assert response.json is not None
    return response.json


def ask_default(client: Client) -> dict[str, Any]:
    response = client.get(PATH)
    assert response.json is not None
    return response.json


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def points(answer: dict[str, Any], name: str) -> list[float | None]:
    (found,) = (each for each in answer["series"] if each["name"] == name)
    return list(found["points"])


def test_an_empty_history_has_a_null_for_each_step(client: Client) -> None:
    found = ask(client, "waiting,requests_user")
    assert (found["step"], found["step_seconds"]) == ("5m", 300)
    assert set(points(found, "waiting")) == set(points(found, "requests_user")) == {None}
    assert set(found["minutes"]) == {0}
    assert len(found["minutes"]) in (288, 289)
    shown = {each["name"]: each["unit"] for each in ask_default(client)["series"]}
    assert shown.items() > {"waiting": "jobs", "wait_p95_seconds": "seconds"}.items()


@pytest.mark.parametrize("step", list(ChartStep))
def test_steps_are_aligned_to_the_epoch_and_combine_their_minutes(
    full: tuple[Client, Database, datetime], step: ChartStep
) -> None:
    client, _, until = full
    width = timedelta(seconds=step.seconds)
    begin = until - 3 * width
    names = "claims,waiting,wait_p95_seconds,wait_p50_seconds,requests_user,remaining"
    found = ask(client, names, from_=begin, to=until, step=step.value)
    first = datetime.fromisoformat(found["from"])
    assert first.timestamp() % step.seconds == 0
    assert first <= begin < first + width
    assert datetime.fromisoformat(found["to"]) >= until
    assert len(found["minutes"]) == len(points(found, "claims"))
    minutes = step.seconds // 60
    assert found["minutes"][1] == minutes
    rows = minutes if step.seconds < 3600 else minutes // 60  # rows of minutes or of hours
    assert points(found, "claims")[1] == 4 * rows
    assert points(found, "wait_p95_seconds")[1] == 9
    assert points(found, "wait_p50_seconds")[1] == 2
    assert points(found, "remaining")[1] == 1000  # of two client ids
    assert points(found, "requests_user")[1] == 2 * 5 * rows


def test_rows_of_hours_show_what_no_row_of_a_minute_has(
    full: tuple[Client, Database, datetime],
) -> None:
    client, _, until = full
    begin = until - timedelta(days=30)
    found = ask(client, "claims", from_=begin, to=until, step="1h")
    assert None not in points(found, "claims")
    assert set(found["minutes"][1:-1]) == {60}
    month = ask(client, "claims", from_=begin, to=until)
    assert month["step"] == "6h"
    short = ask(client, "claims", from_=begin, to=begin + HOUR, step="1m")
    assert set(points(short, "claims")) == {None}


def test_a_gap_is_null_and_a_client_without_requests_is_zero(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        until = history_rows.fill(conn, minutes=30)
        gap = {"from": until - 20 * MINUTE, "to": until - 10 * MINUTE}
        for table in ("queue_history", "budget_history"):
            conn.execute(text(f"DELETE FROM {table} WHERE at >= :from AND at < :to"), gap)
        conn.execute(text("DELETE FROM budget_history WHERE at >= :to"), gap)
    found = ask(client, "waiting,throttled,usable", from_=until - 30 * MINUTE, to=until, step="1m")
    assert found["minutes"] == [1] * 10 + [0] * 10 + [1] * 10
    assert points(found, "throttled") == [1] * 10 + [None] * 10 + [0] * 10
    assert points(found, "usable") == [970] * 10 + [None] * 20
    assert points(found, "waiting")[10:20] == [None] * 10
    of_other = ask(
        client, "throttled", from_=until - 30 * MINUTE, to=until, step="1m", client_id="other"
    )
    assert points(of_other, "throttled") == [0] * 10 + [None] * 10 + [0] * 10


def test_the_answer_is_304_until_a_row_is_added(client: Client, database: Database) -> None:
    path = f"{PATH}?series=waiting&step=1d&from={datetime.now(UTC) - 5 * DAY:%Y-%m-%dT%H:%M:%SZ}"
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    with database.begin() as conn:
        history_rows.fill(conn, minutes=1)
    changed = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer", "said"),
    [
        ("series=", "/series/0", "Must be one of"),
        ("series=nonsense", "/series/0", "Must be one of"),
        ("series=waiting&step=2m", "/step", "Must be one of"),
        ("series=waiting&from=2031-01-01T00:00:00Z", "/from", "must be before"),
        ("series=waiting&to=1960-01-01T00:00:00Z", "/from", "must be before"),
        ("series=waiting&step=1m&from=2020-01-01T00:00:00Z", "/step", "points"),
        ("series=waiting&from=0001-01-01T00:00:00Z", "/from", "1,500 days"),
        ("series=" + ",".join(list(history_series.BY_NAME)[:21]), "/series", "between 1 and 20"),
    ],
)
def test_a_bad_question_gets_an_error_that_names_the_parameter(
    client: Client, query: str, pointer: str, said: str
) -> None:
    response = client.get(f"{PATH}?{query}")
    assert response.status_code == 422, response.text
    assert response.json is not None
    (error,) = response.json["errors"]
    assert (error["pointer"], said in error["detail"]) == (pointer, True), error


def test_every_read_uses_an_index_and_few_pages(full: tuple[Client, Database, datetime]) -> None:
    _, database, until = full
    for step, back in ((300, DAY), (3600, 14 * DAY), (21_600, 60 * DAY)):
        values = {
            "begin": until - back,
            "end": until,
            "step_seconds": step,
            "client_id": "me",
        }
        is_hourly = step >= chart_reads.HOUR_SECONDS
        for query in (
            chart_queries.queue_query(history_series.QUEUE, is_hourly=is_hourly),
            *(
                chart_queries.budget_query(
                    history_series.BUDGET, is_hourly=is_hourly, has_client_id=has_client_id
                )
                for has_client_id in (True, False)
            ),
        ):
            with database.begin() as conn:
                assert plans.tables_scanned(plans.generic_plan(conn, query, values)) == []
                assert plans.pages_read(conn, query, values) < 500


def test_the_attempts_of_one_webhook_or_of_all_are_shown(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        until = history_rows.fill(conn, minutes=10)
        conn.execute(text("DELETE FROM webhook_history"))
        conn.execute(
            text(
                "INSERT INTO webhook_history (endpoint_id, step_minutes, at, attempts, "
                "attempts_failed, attempt_p50_ms, attempt_p95_ms) VALUES "
                "(1, 1, :at, 1, 0, 10, 20), (2, 1, :at, 3, 2, 50, 70)"
            ),
            {"at": until - 5 * MINUTE},
        )
    names = "attempts,attempts_failed,attempt_p50_ms,attempt_p95_ms"
    shown = {"from_": until - 6 * MINUTE, "to": until - 4 * MINUTE, "step": "1m"}
    everything = ask(client, names, **shown)
    of_one = ask(client, names, endpoint_id=1, **shown)
    expected = {"attempts": 4, "attempts_failed": 2, "attempt_p50_ms": 40, "attempt_p95_ms": 70}
    for name, value in expected.items():
        nothing = 0 if name in ("attempts", "attempts_failed") else None
        assert points(everything, name) == [nothing, value]
    assert points(of_one, "attempts") == [0, 1]
    assert points(of_one, "attempt_p95_ms") == [None, 20]
