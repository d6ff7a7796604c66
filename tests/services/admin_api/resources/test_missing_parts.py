"""The API shows, lists and filters jobs and subreddits by their missing parts."""

import dataclasses
import json
import uuid
from datetime import timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawljobs.db.database import Connection, Database
from crawljobs.domain.claim import Claim
from crawljobs.domain.coverage import Gap, ListingName, Walk, WalkEnd
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from crawljobs.repository.content import (
    coverage,
    crawl_history,
    listing_gaps,
    missing_parts,
)
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.content.crawled_trees import TreeSummary
from crawljobs.repository.queue import job_claim, leases
from support import jobs as factory
from support.admin_api import with_token

Client = flask.testing.FlaskClient
JOBS, SUBREDDITS = "/api/admin/jobs", "/api/admin/subreddits"
NEXT_LOOK = factory.T0 + timedelta(hours=1)
TREE = MissingPart(PartKind.TREE, "abc", PartReason.TROUBLE, "Reddit answered 500", 2, NEXT_LOOK)
PAGE = MissingPart(PartKind.POSTS, "t3_a", PartReason.REFUSED, "400", 1, NEXT_LOOK, seen_to="zz")
SHOWN_TREE = {
    "kind": "tree", "item": "abc", "reason": "trouble", "message": "Reddit answered 500",
    "failures": 2, "next_look_at": "2031-05-04T13:00:00Z",
}  # fmt: skip


def claim(conn: Connection, name: str) -> Claim:
    factory.enqueue(conn, name)
    (claimed,) = job_claim.claim_jobs(
        conn, worker="w", claim_token=uuid.uuid4(), at_most=1, lease_seconds=30, now=factory.T0
    )
    return claimed


def crawled(conn: Connection, name: str, *parts: MissingPart) -> Claim:
    """Store the results of a crawl that gave up these parts.

    Return the claim, which has not ended.
    """
    claimed = claim(conn, name)
    at = Checkpoint(phase="done", posts=5)
    for part in parts:
        at = at.without(part)
        missing_parts.record(conn, subreddit_id=claimed.subreddit_id, part=part)
    leases.save_checkpoint(
        conn, claim=claimed, checkpoint=at.saved(), incomplete=bool(parts), now=factory.T0
    )
    crawl_history.finish_crawl(
        conn, subreddit_id=claimed.subreddit_id, marks=Marks(), now=factory.T0
    )
    coverage.record(
        conn,
        subreddit_id=claimed.subreddit_id,
        posts=Walk("a1", factory.T0, WalkEnd.FIRST_ITEM),
        comments=Walk("c1", factory.T0, WalkEnd.CAP),
        trees=TreeSummary(whole=3, not_whole=1),
        soonest_retry=timedelta(0),
        now=factory.T0,
    )
    return claimed


def got(client: Client, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.json


@pytest.fixture
def both(database: Database) -> tuple[int, int]:
    """Return the ids of an incomplete job and of a complete job."""
    with database.begin() as conn:
        return crawled(conn, "broken", TREE).job_id, crawled(conn, "whole").job_id


def test_a_job_shows_the_parts_that_it_gave_up(client: Client, both: tuple[int, int]) -> None:
    broken, whole = (got(client, f"{JOBS}/{job_id}") for job_id in both)
    assert (broken["incomplete"], broken["progress"]["missing_parts"]) == (True, 1)
    assert broken["missing"] == [SHOWN_TREE]
    assert (whole["incomplete"], whole["progress"]["missing_parts"]) == (False, 0)
    assert whole["missing"] == []


def test_jobs_are_listed_by_whether_they_are_incomplete(
    client: Client, both: tuple[int, int]
) -> None:
    broken, whole = both

    def listed(query: str) -> list[int]:
        return [job["id"] for job in got(client, f"{JOBS}{query}")["items"]]

    assert listed("?incomplete=true") == [broken]
    assert listed("?incomplete=false") == [whole]
    assert listed("?incomplete=true&subreddit=broken&sort=created_at") == [broken]
    assert listed("?incomplete=true&subreddit=whole") == []
    refused = client.get(f"{JOBS}?incomplete=yes")
    assert refused.status_code == 422
    assert "expected true or false" in refused.text


def test_a_bulk_change_may_be_about_incomplete_jobs(client: Client, both: tuple[int, int]) -> None:
    body = {"filter": {"incomplete": True}, "dry_run": True, "boost": 5}
    response = client.post(f"{JOBS}/bulk/boost", json=body)
    assert response.status_code in (200, 207), response.text
    assert response.json is not None
    assert [item["id"] for item in response.json["items"]] == [both[0]]


def test_a_subreddit_shows_what_is_missing_and_how_far_back_it_is_known(
    client: Client, database: Database, both: tuple[int, int]
) -> None:
    shown = got(client, f"{SUBREDDITS}/broken")
    assert (shown["incomplete"], shown["missing_parts"], shown["gaps"]) == (True, 1, 0)
    (part,) = shown["missing"]
    assert {**SHOWN_TREE, "first_at": part["first_at"], "last_at": part["last_at"]} == part
    assert (shown["oldest_post"], shown["oldest_post_at"]) == ("a1", "2031-05-04T12:00:00Z")
    assert (shown["oldest_comment"], shown["oldest_comment_at"]) == ("c1", "2031-05-04T12:00:00Z")
    assert (shown["posts_walk_end"], shown["known_to_first_post"]) == ("first_item", True)
    assert (shown["trees_whole"], shown["trees_not_whole"]) == (3, 1)
    assert shown["whole_walk_at"] == "2031-05-04T12:00:00Z"
    assert shown["next_crawl_at"] == "2031-05-04T13:00:00Z"
    assert shown["gap_ranges"] == []


def test_the_counts_agree_with_the_parts_during_a_crawl(client: Client, database: Database) -> None:
    """A crawl records its missing parts page by page, and the coverage only at its end."""

    def agrees(count: int) -> None:
        shown = got(client, f"{SUBREDDITS}/python")
        assert (shown["incomplete"], shown["missing_parts"]) == (count > 0, count)
        assert len(shown["missing"]) == min(count, 100)
        (listed,) = got(client, f"{SUBREDDITS}?incomplete={'true' if count else 'false'}")["items"]
        assert (listed["incomplete"], listed["missing_parts"]) == (count > 0, count)
        assert got(client, f"{SUBREDDITS}?incomplete={'false' if count else 'true'}")["items"] == []
        changed = client.patch(f"{SUBREDDITS}/python", json={"min_request_gap_seconds": count})
        assert changed.json is not None
        assert changed.json["missing_parts"] == count

    trees = [dataclasses.replace(TREE, item=f"a{number}") for number in range(120)]
    with database.begin() as conn:
        subreddit_id = claim(conn, "python").subreddit_id
    agrees(0)
    for count, part in enumerate(trees, start=1):
        with database.begin() as conn:
            missing_parts.record(conn, subreddit_id=subreddit_id, part=part)
        if count in (1, 16, 120):
            agrees(count)
    with database.begin() as conn:
        missing_parts.settle(conn, subreddit_id=subreddit_id, parts=trees)
    agrees(0)


@pytest.mark.parametrize("missing", ["a gap", "a page of posts"])
def test_a_subreddit_with_a_hole_is_not_known_back_to_its_first_post(
    client: Client, database: Database, missing: str
) -> None:
    with database.begin() as conn:
        claimed = crawled(conn, "python", *([PAGE] if missing == "a page of posts" else []))
        if missing == "a gap":
            gap = Gap(ListingName.POSTS, "a5", "a9", factory.T0)
            listing_gaps.record_gaps(
                conn, subreddit_id=claimed.subreddit_id, gaps=[gap], walks={}, now=factory.T0
            )
            coverage.record(
                conn, subreddit_id=claimed.subreddit_id, posts=Walk(), comments=Walk(),
                trees=TreeSummary(0, 0), soonest_retry=timedelta(0),
            )  # fmt: skip
    shown = got(client, f"{SUBREDDITS}/python")
    assert (shown["posts_walk_end"], shown["known_to_first_post"]) == ("first_item", False)
    if missing == "a gap":
        assert shown["gap_ranges"] == [
            {
                "listing": "posts", "from_item": "a5", "from_at": None, "to_item": "a9",
                "to_at": "2031-05-04T12:00:00Z", "found_at": "2031-05-04T12:00:00Z",
            }
        ]  # fmt: skip


def test_subreddits_are_listed_by_whether_parts_of_them_are_missing(
    client: Client, both: tuple[int, int]
) -> None:
    def listed(query: str) -> list[str]:
        return [one["name"] for one in got(client, f"{SUBREDDITS}{query}")["items"]]

    assert listed("?incomplete=true") == ["broken"]
    assert listed("?incomplete=false") == ["whole"]
    assert listed("") == ["broken", "whole"]


def test_a_crawl_that_is_retried_begins_without_missing_parts(
    client: Client, database: Database, both: tuple[int, int]
) -> None:
    with database.begin() as conn:
        conn.execute(
            text(
                "UPDATE crawl_jobs SET status = 'succeeded', finished_at = now(), "
                "claim_token = NULL, claimed_by = NULL, claimed_at = NULL, lease_expires_at = NULL"
            )
        )
    response = client.post(f"{JOBS}/{both[0]}/retry")
    assert response.status_code == 200, response.text
    assert response.json is not None
    assert response.json["incomplete"] is False


@pytest.mark.parametrize(
    "missing",
    ["x", 7, [7], [{}], [{"kind": "tree"}], [{**SHOWN_TREE, "next_look_at": "soon"}], {"a": 1}],
)
def test_a_checkpoint_that_cannot_be_read_shows_no_parts(
    client: Client, database: Database, missing: Any
) -> None:
    with database.begin() as conn:
        claimed = claim(conn, "python")
        checkpoint = {"v": 1, "phase": "posts", "missing": missing, "given_up": "many"}
        leases.save_checkpoint(conn, claim=claimed, checkpoint=checkpoint)
    shown = got(client, f"{JOBS}/{claimed.job_id}")
    assert (shown["missing"], shown["progress"]["missing_parts"]) == ([], 0)


def test_names_of_accounts_need_the_scope_content(
    app: flask.Flask, client: Client, database: Database
) -> None:
    name = "Zyx_Quill"
    history = MissingPart(PartKind.HISTORY, name, PartReason.TROUBLE, "x", 1, NEXT_LOOK)
    with database.begin() as conn:
        job = crawled(conn, "python", history, TREE).job_id
        conn.execute(
            text("UPDATE crawl_jobs SET checkpoint = checkpoint || :more"),
            {"more": json.dumps({"histories": [name, "bob"]})},
        )
    paths = (f"{JOBS}/{job}", JOBS, f"{SUBREDDITS}/python", f"{JOBS}/{job}/overview")
    made = client.post("/api/admin/tokens", json={"name": "reader", "scopes": ["read"]})
    reader = with_token(app, made.json["token"])
    for path in paths:
        shown = reader.get(path)
        assert (shown.status_code, name in shown.text) == (200, False), path
        assert "abc" in shown.text or path == JOBS
    assert reader.get(f"{JOBS}/{job}").json["checkpoint"]["histories"] == ["[account]"] * 2
    assert [name in client.get(path).text for path in paths[:3]] == [True] * 3
