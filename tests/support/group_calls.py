"""Create and read groups over the API, and let the resolver run once."""

from datetime import UTC, datetime
from typing import Any

import flask.testing

from crawljobs.db.database import Database
from crawljobs.domain.job import ErrorKind
from support import groups, jobs

PATH = "/api/admin/groups"
Client = flask.testing.FlaskClient


def step(key: str, *after: Any, **more: Any) -> dict[str, Any]:
    """Return the body of a step that crawls `sub_KEY`."""
    return {"key": key, "subreddit": f"sub_{key}", "after": list(after), **more}


def created(client: Client, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Create a group with these steps, and return it."""
    answer = client.post(PATH, json={"steps": list(steps), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def shown(client: Client, group_id: int) -> dict[str, Any]:
    answer = client.get(f"{PATH}/{group_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def states(client: Client, group_id: int) -> dict[str, str]:
    """Return the states of the first 500 steps by key."""
    return {key: each["state"] for key, each in steps(client, group_id).items()}


def steps(client: Client, group_id: int) -> dict[str, Any]:
    """Return the first 500 steps by key."""
    answer = client.get(f"{PATH}/{group_id}/steps?limit=500")
    assert answer.status_code == 200, answer.text
    return {each["key"]: each for each in answer.get_json()["items"]}


def resolve(database: Database) -> None:
    """Settle and start steps until nothing is left."""
    with database.begin() as conn:
        groups.resolve(conn, now=datetime.now(UTC))


def end(database: Database, job_id: int, *, how: str = "crawled") -> None:
    """Claim the job, and end it with this outcome, or as failed. The resolver runs afterwards."""
    now = datetime.now(UTC)
    with database.begin() as conn:
        claims = {claim.job_id: claim for claim in jobs.claim_all(conn, at_most=100, now=now)}
        claim = claims.pop(job_id)
        for other in claims.values():
            jobs.release(conn, claim=other, now=now)
        if how == "failed":
            jobs.fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="HTTP 500", now=now)
        else:
            jobs.complete(conn, claim=claim, outcome=how, now=now)
    resolve(database)
