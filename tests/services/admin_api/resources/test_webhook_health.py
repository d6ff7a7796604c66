"""The success and the durations of the deliveries of the last 24 hours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain import endpoint_health
from crawljobs.domain.endpoint_health import EndedDelivery
from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.webhooks import delivery_health
from support import admin_api, plans
from support import webhook_rows as rows

HEALTH = "/api/admin/webhooks/health"
NOW = datetime(2031, 5, 4, 12, 30, tzinfo=UTC)


@pytest.fixture
def client(make_app: Callable[..., flask.Flask], database_url: str) -> flask.testing.FlaskClient:
    return admin_api.with_token(make_app(database_url, **rows.VARIABLES))


def got(client: flask.testing.FlaskClient) -> dict[str, Any]:
    response = client.get(HEALTH)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert isinstance(body, dict)
    return body


def test_the_health_of_an_endpoint_is_that_of_its_last_day() -> None:
    def ended(hours: float, state: str = "delivered", ms: int | None = 10) -> EndedDelivery:
        return EndedDelivery(DeliveryState(state), NOW - timedelta(hours=hours), ms)

    found = endpoint_health.health_of(
        3,
        [
            *(ended(0.1, ms=number) for number in range(1, 20)),
            ended(5, "failed", None),
            ended(23.9),
            ended(24),
            ended(-1),
        ],
        now=NOW,
        at_least=False,
    )
    assert (found.delivered, found.failed) == (20, 1)
    assert found.success_share == pytest.approx(20 / 21)
    assert (found.duration_ms_p50, found.duration_ms_p95) == (10, 18)
    hours = {each.at.hour: (each.delivered, each.failed) for each in found.by_hour}
    assert len(found.by_hour) == endpoint_health.HOURS
    assert (hours[12], hours[7], hours[13]) == ((19, 0), (0, 1), (1, 0))
    empty = endpoint_health.health_of(3, [], now=NOW, at_least=True)
    assert (empty.success_share, empty.duration_ms_p95, empty.at_least) == (None, None, True)


def test_the_health_of_each_endpoint_is_read_with_a_limit(
    client: flask.testing.FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        busy = rows.add_endpoint(conn, "https://busy.example")
        calm = rows.add_endpoint(conn, "https://calm.example")
        deliveries = rows.add_deliveries(
            conn, busy, 9, states=("delivered", "delivered", "failed"), at=datetime.now(UTC)
        )
        conn.execute(
            text(
                "INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, "
                "result) SELECT id, number, now(), number * 100, 'succeeded' "
                "FROM unnest(CAST(:ids AS bigint[])) AS id, generate_series(1, 2) AS number"
            ),
            {"ids": deliveries},
        )
        plan = plans.generic_plan(conn, delivery_health.ENDED, {"of_endpoint": busy})
        assert not plans.tables_scanned(plan)
    first, second = got(client)["endpoints"]
    assert (first["endpoint_id"], second["endpoint_id"]) == (busy, calm)
    assert (first["delivered"], first["failed"], first["at_least"]) == (6, 3, False)
    assert (first["success_share"], first["duration_ms_p95"]) == (0.667, 200)
    assert (second["delivered"], second["success_share"]) == (0, None)
    tag = client.get(HEALTH).headers["ETag"]
    assert client.get(HEALTH, headers={"If-None-Match": tag}).status_code == 304
    monkeypatch.setattr(delivery_health, "READ_MAX", 6)
    with database.begin() as conn:
        found = delivery_health.read_health(conn, now=datetime.now(UTC))
    assert [each.at_least for each in found] == [True, False]
