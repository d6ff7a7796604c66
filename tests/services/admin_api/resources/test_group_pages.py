"""The page of a group in one answer, and the short form of groups."""

from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.groups.explained import open_causes, step_graph
from support import plans
from support.crawlctl_lines import assert_is_command
from support.group_calls import PATH, created, end, resolve, step, steps

Client = flask.testing.FlaskClient


def got(client: Client, path: str) -> dict[str, Any]:
    response = client.get(f"{PATH}/{path}")
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert isinstance(body, dict)
    return body


def send(client: Client, remedy: dict[str, Any]) -> None:
    """Send the request of the remedy, and check that its crawlctl line is a command."""
    assert_is_command(remedy["crawlctl"])
    answer = client.open(remedy["path"], method=remedy["method"], json=remedy["body"])
    assert answer.status_code == 200, answer.text


def test_the_page_of_a_group_has_its_graph_its_stages_and_its_series(
    client: Client, database: Database
) -> None:
    group = created(client, step("a"), step("b", "a"), {**step("c"), "after": "all"})
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"])
    resolve(database)
    page = got(client, f"{group['id']}/overview")
    whole = got(client, str(group["id"]))
    assert {name: page[name] for name in whole if name != "requests"} == {
        name: value for name, value in whole.items() if name != "requests"
    }
    keys = {each["id"]: each["key"] for each in page["graph"]["steps"]}
    assert [*keys.values()] == ["a", "b", "c"]
    waits = page["graph"]["waits"]
    assert [(keys[each["step_id"]], each["has_ended"]) for each in waits] == [
        ("b", True),
        ("c", False),
    ]
    assert keys[waits[0]["upstream_step_id"]] == "a"
    assert waits[1]["upstream_group_id"] == group["id"]
    assert [(each["depth"], each["steps"]) for each in page["stages"]] == [(0, 1), (1, 1), (2, 1)]
    assert page["stages"][0]["counts"]["succeeded"] == 1
    progress = page["progress"]
    assert (progress["done"], progress["failed"], progress["left"]) == (1, 0, 2)
    assert progress["steps_per_minute"] > 0
    assert progress["eta"] is not None
    assert len(page["burn_up"]) == step_graph.BUCKETS
    assert page["burn_up"][-1]["done"] == 1
    assert [each["done"] for each in page["burn_up"]] == sorted(
        each["done"] for each in page["burn_up"]
    )
    assert page["is_whole"] is True
    assert client.get(f"{PATH}/999/overview").status_code == 404


def test_each_obstacle_of_a_group_has_a_remedy_that_removes_it(
    client: Client, database: Database
) -> None:
    group = created(client, step("a"), step("b", "a", on_upstream_failure="hold"), sealed=False)
    path = f"{group['id']}/overview"
    resolve(database)
    assert [each["code"] for each in got(client, path)["obstacles"]] == ["pending", "jobs_queued"]
    client.post(f"{PATH}/{group['id']}/pause")
    (paused, _) = got(client, path)["obstacles"]
    assert (paused["code"], paused["count"]) == ("paused", 1)
    send(client, paused["remedy"])
    end(database, steps(client, group["id"])["a"]["job_id"], how="failed")
    resolve(database)
    page = got(client, path)
    assert (page["state"], [each["code"] for each in page["obstacles"]]) == (
        "held",
        ["held", "failed"],
    )
    assert page["progress"]["eta"] is None
    send(client, page["obstacles"][0]["remedy"])
    resolve(database)
    end(database, steps(client, group["id"])["b"]["job_id"])
    resolve(database)
    unsealed, failed = got(client, path)["obstacles"]
    assert unsealed["code"] == "unsealed"
    send(client, unsealed["remedy"])
    page = got(client, path)
    assert (page["state"], page["outcome"]) == ("finished", "partly")
    assert [each["code"] for each in page["obstacles"]] == ["failed"]
    send(client, failed["remedy"])
    assert got(client, path)["state"] == "running"


def test_a_large_group_is_shown_as_stages(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [step(f"s{number}") for number in range(step_graph.GRAPH_MAX)]
    group = created(client, *many, step("last", "s0"))
    path = f"{group['id']}/overview"
    page = got(client, path)
    assert page["graph"] is None
    assert [each["steps"] for each in page["stages"]] == [step_graph.GRAPH_MAX, 1]
    monkeypatch.setattr(step_graph, "STEPS_MAX", 100)
    assert got(client, path)["is_whole"] is False


def test_the_page_and_the_rows_of_groups_are_unchanged_until_a_step_changes(
    client: Client, database: Database
) -> None:
    group = created(client, step("a"), step("b", "a"))
    resolve(database)
    end(database, steps(client, group["id"])["a"]["job_id"])
    resolve(database)
    paths = (f"{PATH}/{group['id']}/overview", f"{PATH}/rows")
    tags = {path: client.get(path).headers["ETag"] for path in paths}
    for path, tag in tags.items():
        same = client.get(path, headers={"If-None-Match": tag})
        assert (same.status_code, same.data) == (304, b"")
    end(database, steps(client, group["id"])["b"]["job_id"])
    resolve(database)
    for path, tag in tags.items():
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_rows_have_the_pages_and_the_progress_of_groups(client: Client) -> None:
    for number in range(3):
        created(client, step("a"), name=f"group {number}")
    first = got(client, "rows?limit=2")
    assert [each["name"] for each in first["items"]] == ["group 2", "group 1"]
    (last,) = got(client, f"rows?limit=2&cursor={first['next']}")["items"]
    assert (last["name"], last["state"], last["steps"]) == ("group 0", "running", 1)
    assert last["progress"] == {
        "done": 0,
        "failed": 0,
        "left": 1,
        "steps_per_minute": None,
        "eta": None,
    }
    assert got(client, "rows?name=nothing")["items"] == []


def test_no_statement_of_the_page_reads_the_steps_of_other_groups(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("INSERT INTO subreddits (name) VALUES ('python')"))
        conn.execute(
            text("INSERT INTO job_groups (created_by) SELECT 'x' FROM generate_series(1, 300)")
        )
        conn.execute(
            text(
                "INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries) "
                "SELECT id, 'k' || n, 1, 1, 1 FROM job_groups, generate_series(1, 100) AS n"
            )
        )
        conn.execute(
            text("INSERT INTO step_waits (step_id, upstream_step_id) SELECT id, 1 FROM group_steps")
        )
        conn.execute(text("ANALYZE group_steps, step_waits, job_groups"))
        time = conn.execute(text("SELECT now()")).scalar_one()
        values = {"group_id": 7, "since": time, "until": time, "steps": list(range(1, 100))}
        for statement in (
            step_graph._NODES,
            step_graph._WAITS,
            step_graph._STAGES,
            open_causes._JOBS,
            step_graph._LAST,
            open_causes._FIRST_HELD,
        ):
            plan = plans.generic_plan(conn, statement, values)
            scanned = set(plans.tables_scanned(plan))
            assert not scanned & {"group_steps", "step_waits", "crawl_jobs"}, plan
