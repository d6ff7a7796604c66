"""A schedule can have steps in place of a subreddit. Each run creates a group of these steps."""

from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.operations import audit_log
from support import group_calls
from support.schedule_calls import ANY, NIGHTLY, SCHEDULES, Client, code, path, without_quota

STEPS: list[dict[str, Any]] = [
    {"subreddit": "r/Python"},
    {"key": "b", "subreddit": "golang", "after": ["Python"], "priority": 90, "max_retries": 0},
    {
        "key": "z",
        "subreddit": "rust",
        "after": "all",
        "on_upstream_failure": "hold",
        "require_outcome": "complete",
    },
]
NONE = {"priority": None, "max_retries": None}
USUAL = {"on_upstream_failure": "cancel", "require_outcome": "any"}
SHOWN = [
    {"key": "Python", "subreddit": "Python", "after": [], **NONE, **USUAL},
    {**STEPS[1], **USUAL},
    {**STEPS[2], **NONE},
]
MAP = {"name": "map", "cron_expression": "@hourly", "steps": STEPS}


def made(client: Client, **more: Any) -> dict[str, Any]:
    answer = client.post(SCHEDULES, json={**MAP, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_steps_are_stored_shown_and_kept(client: Client, database: Database) -> None:
    created = made(client, max_retries=4)
    assert created["steps"] == SHOWN
    assert [created[name] for name in ("subreddit", "subreddit_id", "step_count")] == [
        None,
        None,
        3,
    ]
    assert created["next_run_at"] is not None
    answer = client.get(path(created))
    assert answer.get_json() == without_quota(created)
    assert answer.headers["ETag"] == f'"{created["version"]}"'
    (listed,) = client.get(SCHEDULES).get_json()["items"]
    assert listed == without_quota(created)
    assert client.get(f"{SCHEDULES}?subreddit=rust").get_json()["items"] == []
    # Equal steps are no change, also if the case of a name differs.
    again = [{**SHOWN[0], "subreddit": "PYTHON"}, *SHOWN[1:]]
    body = {**MAP, "max_retries": 4, "steps": again}
    same = client.put(path(created), json=body, headers=ANY).get_json()
    assert without_quota(same) == without_quota(created)
    with database.begin() as conn:
        rows = conn.execute(text("SELECT name FROM subreddits ORDER BY lower(name)")).scalars()
        assert [*rows] == ["golang", "Python", "rust"]
        (entry,) = audit_log.list_entries(conn).entries
    assert entry.after is not None
    assert entry.after["steps"] == SHOWN


def test_a_change_replaces_steps_by_a_subreddit_and_back(client: Client) -> None:
    schedule = made(client)
    plain = client.patch(path(schedule), json={"subreddit": "vim"}, headers=ANY).get_json()
    shown = [plain[name] for name in ("subreddit", "steps", "step_count", "next_run_at")]
    assert shown == ["vim", None, None, schedule["next_run_at"]]
    assert plain["version"] == schedule["version"] + 1
    back = client.patch(path(schedule), json={"steps": STEPS[:1]}, headers=ANY).get_json()
    assert (back["subreddit"], back["subreddit_id"]) == (None, None)
    assert (back["steps"], back["next_run_at"]) == (SHOWN[:1], schedule["next_run_at"])
    off = client.post(path(schedule, "/toggle"), json={}).get_json()
    assert (off["enabled"], off["next_run_at"]) == (False, None)
    on = client.post(path(schedule, "/toggle"), json={}).get_json()
    assert (on["enabled"], on["next_run_at"]) == (True, schedule["next_run_at"])
    assert client.delete(path(schedule)).status_code == 204


def test_a_patch_takes_only_whole_steps(client: Client) -> None:
    schedule = made(client)
    answer = client.patch(path(schedule), json={"steps": [{"key": "a"}]}, headers=ANY)
    (error,) = answer.get_json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, "/steps/0/subreddit")


WRONG: list[tuple[Any, str, str]] = [
    ([], "/steps", "Length"),
    ([{"key": "a"}], "/steps/0/subreddit", "Missing"),
    ([{"subreddit": "all"}], "/steps/0/subreddit", "all"),
    (
        [{"subreddit": "vim", "visible_at": "2199-01-01T00:00:00Z"}],
        "/steps/0/visible_at",
        "Unknown",
    ),
    ([{"subreddit": "vim", "after": [{"job": 1}]}], "/steps/0/after/0", "only for steps"),
    ([{"subreddit": "vim", "after": [{"group": 1}]}], "/steps/0/after/0", "only for steps"),
    ([{"subreddit": "vim", "after": ["no"]}], "/steps/0/after/0", "there is no step no"),
    ([{"subreddit": "vim", "after": ["vim"]}], "/steps/0/after/0", "step vim waits for itself"),
    ([{"subreddit": "vim"}, {"subreddit": "vim"}], "/steps/1/key", "another step has the key vim"),
    (
        [{"key": "a", "subreddit": "vim"}, {"key": "b", "subreddit": "VIM"}],
        "/steps/1/subreddit",
        "same subreddit",
    ),
    ([{"subreddit": "vim", "on_upstream_failure": "x"}], "/steps/0/on_upstream_failure", "hold"),
    (
        [{"subreddit": "aa", "after": ["bb"]}, {"subreddit": "bb", "after": ["aa"]}],
        "/steps",
        "wait for one another",
    ),
]


@pytest.mark.parametrize(("steps", "pointer", "detail"), WRONG)
def test_wrong_steps_are_refused_with_their_place(
    client: Client, database: Database, steps: Any, pointer: str, detail: str
) -> None:
    answer = client.post(SCHEDULES, json={**MAP, "steps": steps})
    assert answer.status_code == 422, answer.text
    (error,) = answer.get_json()["errors"]
    assert error["pointer"] == pointer
    assert detail.lower() in error["detail"].lower()
    with database.begin() as conn:
        assert conn.execute(text("SELECT count(*) FROM subreddits")).scalar_one() == 0


def test_a_schedule_has_steps_or_a_subreddit(client: Client) -> None:
    answer = client.post(SCHEDULES, json={**MAP, "subreddit": "vim"})
    (error,) = answer.get_json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, "/steps")
    assert client.post(SCHEDULES, json={**MAP, "steps": None}).status_code == 422
    answer = client.post(SCHEDULES, json={key: MAP[key] for key in MAP.keys() - {"steps"}})
    (error,) = answer.get_json()["errors"]
    assert error == {
        "pointer": "/subreddit",
        "detail": "give a subreddit (or subreddit_id), or steps",
    }


def test_run_now_creates_a_group_unless_the_last_one_is_unfinished(
    client: Client, database: Database
) -> None:
    schedule = made(client, enabled=False, steps=[{"subreddit": "vim"}])
    answer = client.post(path(schedule, "/run"))
    assert answer.status_code == 202, answer.text
    group = answer.get_json()
    assert answer.headers["Location"] == f"/api/admin/groups/{group['id']}"
    assert group["name"].startswith("map 20")
    assert (group["scheduled_job_id"], group["counts"]["pending"]) == (schedule["id"], 1)
    assert client.get(path(schedule)).get_json()["open_group_id"] == group["id"]
    group_calls.created(client, group_calls.step("other"), name=group["name"])
    for query in ("", "&subreddit=vim", f"&name={group['name']}", "&state=open"):
        where = f"{group_calls.PATH}?schedule_id={schedule['id']}{query}"
        assert [each["id"] for each in client.get(where).get_json()["items"]] == [group["id"]]
    assert client.get(f"{group_calls.PATH}?schedule_id=99").get_json()["items"] == []
    refused = client.post(path(schedule, "/run"))
    assert code(refused) == (409, "group_unfinished")
    assert str(group["id"]) in refused.get_json()["detail"]
    (run,) = client.get(path(schedule, "/runs")).get_json()["items"]
    assert (run["outcome"], run["manual"]) == ("enqueued", True)
    assert (run["group_id"], run["job_id"]) == (group["id"], None)
    group_calls.resolve(database)
    (step,) = group_calls.steps(client, group["id"]).values()
    group_calls.end(database, step["job_id"])
    assert client.get(path(schedule)).get_json()["open_group_id"] is None
    assert client.post(path(schedule, "/run")).status_code == 202
    # The group of a deleted schedule goes on.
    last = client.get(path(schedule)).get_json()["open_group_id"]
    assert client.delete(path(schedule)).status_code == 204
    group_calls.resolve(database)
    assert group_calls.states(client, last) == {"vim": "enqueued"}


def test_steps_need_the_scope_of_groups_too(client: Client) -> None:
    body = {"name": "schedules", "scopes": ["read", "schedules"]}
    token = client.post("/api/admin/tokens", json=body).get_json()["token"]
    headers = {"Authorization": f"Bearer {token}", **ANY}
    plain = client.post(SCHEDULES, json=NIGHTLY).get_json()
    schedule = made(client)
    for method, where, sent in (
        ("POST", SCHEDULES, {**MAP, "name": "other"}),
        ("PATCH", path(plain), {"steps": STEPS}),
        ("PUT", path(plain), MAP),
        ("PATCH", path(schedule), {"priority": 1}),
        ("PUT", path(schedule), {**NIGHTLY, "name": "third"}),
        ("POST", path(schedule, "/toggle"), {}),
        ("POST", path(schedule, "/run"), None),
    ):
        answer = client.open(where, method=method, json=sent, headers=headers)
        assert code(answer) == (403, "insufficient_scope"), (method, where)
    assert client.get(path(schedule)).get_json()["version"] == schedule["version"]
    assert client.delete(path(schedule), headers=headers).status_code == 204


def test_the_quota_sums_the_steps(client: Client, database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("INSERT INTO subreddits (name) VALUES ('Python'), ('golang')"))
        conn.execute(
            text("""
                INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
                    finished_at, outcome, checkpoint)
                SELECT id, 'succeeded', 1, 1, 'user', now(), 'crawled',
                    jsonb_build_object('requests', id * 10) FROM subreddits
                """)
        )
    # 10 requests of Python, 20 of golang, and the average of both for rust, 24 times a day.
    assert made(client)["estimated_requests_per_day"] == (10 + 20 + 15) * 24
    assert made(client, name="off", enabled=False)["estimated_requests_per_day"] == 45 * 24


def test_long_steps_are_in_no_list_and_have_a_digest_in_the_audit_log(
    client: Client, database: Database
) -> None:
    steps = [{"subreddit": f"sub_{number}"} for number in range(400)]
    schedule = made(client, steps=steps)
    assert len(client.get(path(schedule)).get_json()["steps"]) == 400
    (listed,) = client.get(SCHEDULES).get_json()["items"]
    assert (listed["steps"], listed["step_count"]) == (None, 400)
    with database.begin() as conn:
        (entry,) = audit_log.list_entries(conn).entries
    assert entry.after is not None
    assert len(entry.after["steps"]["first_keys"]) == 50
    assert len(entry.after["steps"]["sha256"]) == 64
    moved = client.patch(path(schedule), json={"priority": 1}, headers=ANY).get_json()
    assert moved["step_count"] == 400
