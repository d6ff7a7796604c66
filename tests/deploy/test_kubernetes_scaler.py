"""The scaler of the workers: the number that it wants, its database role, and no second scaler."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crawljobs.db.administration import grants
from crawljobs.db.database import Connection
from support import manifests
from support.databases import Databases
from support.jobs import enqueue
from support.roles import made


def test_a_second_scaler_of_the_workers_is_refused(tmp_path: Path) -> None:
    for name in ("hpa", "keda"):
        (tmp_path / name).mkdir()
        alone = manifests.with_components(tmp_path / name, name)
        assert alone.returncode == 0, alone.stderr
        worker = manifests.find(manifests.parsed(alone.stdout), "Deployment", "crawler-worker")
        assert "replicas" not in worker["spec"]
    both = manifests.with_components(tmp_path, "hpa", "keda")
    assert both.returncode != 0
    assert "replicas" in both.stderr


def scaler_query() -> str:
    path = manifests.KUBERNETES / "components/keda/scaled-object.yaml"
    scaled = manifests.find(manifests.parsed(path.read_text()), "ScaledObject", "crawler-worker")
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["targetQueryValue"] == "1"
    query: str = trigger["metadata"]["query"]
    return query


@pytest.mark.parametrize(
    ("jobs", "budget", "workers"),
    [
        (0, None, 0),
        (1, None, 1),
        (40, None, 1),  # no budget is known yet
        (40, (1000, 600), 2),  # 100 requests a minute are enough for two workers
        (17, (60_000, 600), 2),
        (40, (60_000, 600), 3),
        (40, (10, 600), 1),
    ],
)
def test_the_scaler_wants_as_many_workers_as_there_is_work_and_budget(
    conn: Connection, jobs: int, budget: tuple[int, int] | None, workers: int
) -> None:
    for number in range(jobs):
        enqueue(conn, f"sub{number}")
    if budget is not None:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, requests_per_window, window_seconds) "
                "VALUES ('id', :requests, :seconds)"
            ),
            {"requests": budget[0], "seconds": budget[1]},
        )
    wanted: Any = conn.execute(text(scaler_query())).scalar_one()
    assert wanted == workers
    assert isinstance(wanted, int)


def test_the_scaler_s_role_may_ask_that(databases: Databases) -> None:
    with made(databases) as own, psycopg.connect(own.url_as(grants.METRICS)) as conn:
        assert conn.execute(scaler_query().encode()).fetchone() == (0,)
