"""The responses show each nullable field both with null and with a value."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import flask.testing
from sqlalchemy import text

from crawljobs.db.database import Database
from support import history_rows
from support.admin_api import openapi_document

Client = flask.testing.FlaskClient
ADMIN = "/api/admin"
# Each table gets two rows: one has NULL in all nullable columns, the other has values in them.
ROWS = """
    INSERT INTO subreddits (name) VALUES ('plain');
    INSERT INTO subreddits (name, reddit_id, title, description, subscribers, over_18,
        created_at_reddit, access, access_checked_at, access_unconfirmed, access_unconfirmed_looks,
        access_unconfirmed_at, discovered_from, last_crawled_at, next_crawl_at, missing_parts, gaps,
        oldest_post, oldest_post_at, oldest_comment, oldest_comment_at, posts_walk_end,
        whole_walk_at, trees_whole, trees_not_whole, gap_at, min_request_gap_seconds,
        min_crawl_gap_seconds)
    SELECT 'full', 't5_1', 't', 'd', 1, false, now(), 'public', now(), 'private', 1, now(), id,
        now(), now(), 1, 1, 'a', now(), 'b', now(), 'cap', now(), 1, 1, now(), 1, 1
    FROM subreddits;
    INSERT INTO subreddits (name) SELECT 'more_' || n FROM generate_series(1, 6) AS n;
    INSERT INTO map_nodes (subreddit_id, links_at, community_id)
    SELECT id, now(), id FROM subreddits WHERE name = 'full';
    INSERT INTO subreddit_links
        (a_id, b_id, shared_authors, weight, is_top_of_a, is_top_of_b, computed_at)
    SELECT min(id), max(id), 2, 0.5, true, true, now()
    FROM subreddits WHERE name IN ('plain', 'full');
    INSERT INTO maintenance_runs (task, last_run_at) VALUES ('communities', now());
    INSERT INTO missing_parts (subreddit_id, kind, item, reason, message, next_look_at)
    SELECT id, 'tree', 'a', 'trouble', 'x', now() FROM subreddits WHERE name = 'full';
    INSERT INTO crawl_gaps (subreddit_id, listing, from_item, from_at, to_item, to_at)
    SELECT id, 'posts', item, at, 'z', now()
    FROM subreddits, (VALUES ('a', NULL), ('b', now())) AS gap (item, at) WHERE name = 'full';
    INSERT INTO queue_pauses (scope, reason, until, paused_by)
    SELECT id, 'x', NULL, 'y' FROM subreddits WHERE name = 'more_1'
    UNION ALL SELECT 0, 'x', now() + interval '1 hour', 'y';
    INSERT INTO crawl_jobs (subreddit_id, status, wait_reason, priority, base_priority, source)
    SELECT id, 'queued', NULL, 1, 1, 'user' FROM subreddits WHERE name = 'plain'
    UNION ALL SELECT id, 'waiting', 'paused', 1, 1, 'user' FROM subreddits WHERE name = 'more_1';
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
        scheduled_job_id, claim_token, claimed_by, claimed_at, lease_expires_at, progress_at,
        checkpoint, traceparent, follow_up_of)
    SELECT id, 'crawling', 1, 1, 'schedule', 1, gen_random_uuid(), 'w', now(), now(), now(),
        '{"phase": "posts", "requests": 1, "forecast": {"total": 9, "pace": 1.0},
          "missing": [{"kind": "tree", "item": "a", "reason": "trouble", "message": "x",
                       "failures": 1, "next_look_at": "2031-05-04T12:00:00Z", "seen_to": null}]}',
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 5
    FROM subreddits WHERE name = 'more_2';
    INSERT INTO crawl_jobs (subreddit_id, status, wait_reason, priority, base_priority, source,
        visible_at, error_kind, error_message)
    SELECT id, 'waiting', 'retry', 1, 1, 'user', now() + interval '1 hour', 'retryable', 'x'
    FROM subreddits
    WHERE name = 'more_3';
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, finished_at,
        outcome, retries, queued_at, visible_at, duration_seconds, checkpoint)
    SELECT id, 'succeeded', 1, 1, 'user', now(), 'crawled', 1, now() - interval '1 minute',
        now() - interval '1 minute', 1.5, '{"requests": 3}' FROM subreddits WHERE name = 'more_4';
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, finished_at,
        checkpoint)
    SELECT id, 'succeeded', 1, 1, 'user', now() + interval '1 minute', '{"requests": 3}'
    FROM subreddits WHERE name = 'more_4';
    UPDATE subreddits SET last_crawled_at = now() - interval '1 hour',
        next_crawl_at = now() + interval '1 hour' WHERE name = 'full';
    INSERT INTO queue_pauses (scope, reason, paused_by)
    SELECT id, 'x', 'x' FROM subreddits WHERE name = 'more_6';
    INSERT INTO job_groups (created_by) VALUES ('x');
    INSERT INTO job_groups (created_by, name, sealed_at, paused_at, cancelled_at, cancelled_by,
        finished_at, outcome, scheduled_job_id, due_at)
    VALUES ('x', 'full', now(), now(), now(), 'x', now(), 'failed', 1, now());
    INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, visible_at, state,
        reason, job_id)
    SELECT 2, 'failed', id, 1, 1, now(), 'failed', 'x', 1 FROM subreddits WHERE name = 'plain';
    INSERT INTO job_groups (created_by) VALUES ('x');
    INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, state)
    SELECT 3, key, id, 1, 1, 'held' FROM subreddits, (VALUES ('held'), ('other')) AS step (key)
    WHERE name = 'plain';
    INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, state, job_id)
    SELECT 3, 'crawling', id, 1, 1, 'enqueued', 3 FROM subreddits WHERE name = 'more_2';
    UPDATE job_groups SET pending = 1001 WHERE id = 1;
    UPDATE job_groups SET pending = 1 WHERE id = 3;
    INSERT INTO step_waits (step_id, upstream_step_id, upstream_job_id, upstream_group_id, state,
        reason, ended_at)
    VALUES (2, 1, NULL, NULL, NULL, NULL, NULL), (2, NULL, 1, NULL, 'failed', 'x', now()),
        (2, NULL, NULL, 2, NULL, NULL, NULL);
    INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, waiting_for)
    SELECT 3, 'last', id, 1, 1, 6 FROM subreddits WHERE name = 'plain';
    INSERT INTO step_waits (step_id, upstream_step_id) VALUES (5, 2);
    INSERT INTO step_waits (step_id, upstream_job_id) SELECT 5, id FROM crawl_jobs
    UNION ALL SELECT 5, 999;
    INSERT INTO operations (kind, resource_type, resource_id, created_by, total, state, finished_at)
    VALUES ('cancel_group', 'job_group', 2, 'x', 1, 'pending', NULL),
        ('cancel_group', 'job_group', 3, 'x', 1, 'succeeded', now());
    INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome, error_kind,
        error_message, times, first_started_at)
    SELECT id, 'w', now(), now(), 'failed', 'retryable', 'x', 2, now() FROM crawl_jobs
    UNION ALL SELECT id, 'w', now(), now(), 'succeeded', NULL, NULL, 1, NULL FROM crawl_jobs;
    INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, enabled)
    SELECT 'plain', id, '@daily', false FROM subreddits WHERE name = 'plain';
    INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, max_retries,
        misfire_deadline_seconds, next_run_at, last_run_at, disabled_reason, description)
    SELECT 'full', id, '@daily', 1, 1, now() + interval '1 day', now(), 'x', 'y'
    FROM subreddits
    WHERE name = 'full';
    INSERT INTO scheduled_jobs (name, steps, cron_expression, enabled)
    SELECT 'steps', '[{"key": "a", "subreddit_id": 1, "subreddit": "plain"},
        {"key": "b", "subreddit_id": 1, "subreddit": "plain", "priority": 1, "max_retries": 1}]',
        '@daily', false;
    UPDATE scheduled_jobs SET cron_expression = 'x',
        subreddit_id = (SELECT id FROM subreddits WHERE name = 'more_4') WHERE name = 'plain';
    INSERT INTO job_groups (created_by, scheduled_job_id)
    SELECT 'x', max(id) FROM scheduled_jobs;
    UPDATE job_groups SET failed = 1 WHERE id = 2;
    UPDATE job_groups SET pending = 1, succeeded = 1, created_at = now() - interval '1 minute'
    WHERE id = 4;
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, due_until, outcome, job_id, group_id)
    SELECT id, now(), NULL, 'missed', NULL, NULL FROM scheduled_jobs
    UNION ALL
    SELECT id, now() - interval '1 day', now(), 'enqueued', 1, 1 FROM scheduled_jobs;
    INSERT INTO api_tokens (id, name, token_hash, scopes, created_by)
    VALUES ('000000000000', 'plain', decode(repeat('00', 32), 'hex'), '{read}', 'x');
    INSERT INTO api_tokens (id, name, token_hash, scopes, created_by, created_by_id, expires_at,
        revoked_at, revoked_by, last_used_at)
    VALUES ('000000000001', 'full', decode(repeat('00', 32), 'hex'), '{read}', 'x', '000000000000',
        now(), now(), 'x', now());
    INSERT INTO service_instances (name, role, version, started_at, seen_at, details)
    SELECT name, 'crawler-worker', '1', now(), now(), '{}' FROM (VALUES ('v'), ('w')) AS w (name);
    UPDATE deletion_walk SET started_at = now();
    INSERT INTO reddit_budgets (client_id) VALUES ('plain');
    INSERT INTO reddit_budgets (client_id, paused_until, last_throttled_at, paused_reason,
        paused_detail, outage_until, probe_good_at)
    VALUES ('full', NULL, now(), 'client_refused', 'x', now() + interval '1 minute', now()),
        ('paused', now() + interval '1 hour', now(), 'rate_limit', 'x', NULL, now());
    INSERT INTO authors (name) VALUES ('plain');
    INSERT INTO authors (name, reddit_id, history_fetched_at, created_at_reddit, suspended)
    VALUES ('full', 't2_1', now(), now(), true);
    INSERT INTO posts (id, subreddit_id, author_id, title, body, url, permalink, domain, flair,
        flair_template_id, author_flair, score, score_hidden, upvote_ratio, num_comments,
        num_crossposts, total_awards_received, distinguished, post_hint, is_video, is_gallery,
        archived, contest_mode, quarantine, crosspost_parent, crosspost_author_id,
        crosspost_subreddit, removed_by_category, created_at, edited_at, extra, checked_at,
        tree_fetched_at, comments_reported, comments_stored, comments_missing)
    SELECT 'p2', subreddit.id, author.id, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 1, true, 1, 1,
        1, 1, 'x', 'x', true, true, true, true, true, 't3_x', author.id, 'x', 'x', now(), now(),
        '{}', now(), now(), 1, 1, 1
    FROM subreddits AS subreddit, authors AS author
    WHERE subreddit.name = 'full' AND author.name = 'full';
    INSERT INTO posts (id, subreddit_id, created_at, deleted_at)
    SELECT 'p1', id, now(), now() FROM subreddits WHERE name = 'full';
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, author_id, body, author_flair,
        score, score_hidden, controversiality, total_awards_received, distinguished,
        collapsed_reason_code, locked, archived, removed_by_category, created_at, edited_at, extra,
        checked_at)
    SELECT c.id, 'p2', 't3_p2', subreddit_id, author_id, 'x', 'x', 1, true, 1, 1, 'x', 'x', true,
        true, 'x', now(), now(), '{}', now()
    FROM posts, (VALUES ('c1'), ('c2')) AS c (id) WHERE posts.id = 'p2';
    INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at, deleted_at)
    SELECT 'c3', id, 't3_p1', subreddit_id, now(), now() FROM posts WHERE id = 'p1';
    INSERT INTO author_subreddits (author_id, subreddit_id, posts, first_at, last_at)
    SELECT author.id, subreddit.id, 1, now(), now()
    FROM subreddits AS subreddit, authors AS author WHERE author.name = 'full';
    INSERT INTO webhook_endpoints (url, events, created_by) VALUES ('x', '{job.failed}', 'x');
    INSERT INTO webhook_endpoints (url, events, description, filter_group_id, filter_source,
        filter_subreddit, state, disabled_reason, disabled_detail, disabled_at, secret_version,
        previous_secret_version, previous_secret_until, created_by, last_success_at,
        first_failure_at, last_failure_at)
    VALUES ('x', '{job.failed}', 'x', 1, 'user', 'x', 'disabled', 'gone', 'x', now(), 2, 1,
        now() + interval '1 hour', 'x', now(), now(), now());
    INSERT INTO webhook_events (type, data, body, job_id, group_ids, subreddit)
    VALUES ('job.failed', '{}', NULL, NULL, '{}', NULL), ('job.failed', '{}', '{}', 1, '{1}', 'x');
    INSERT INTO webhook_deliveries (event_id, endpoint_id, state, ended_at)
    SELECT id, 1, CASE WHEN body IS NULL THEN 'pending' ELSE 'failed' END,
        CASE WHEN body IS NOT NULL THEN now() END
    FROM webhook_events ORDER BY version;
    INSERT INTO webhook_attempts
        (delivery_id, number, started_at, duration_ms, result, status_code, detail, response)
    VALUES (2, 1, now(), 1, 'timeout', NULL, 'x', NULL),
        (2, 2, now(), 1, 'http_error', 500, NULL, 'x');
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, claim_token,
        claimed_by, claimed_at, lease_expires_at)
    SELECT id, 'crawling', 1, 1, 'user', gen_random_uuid(), 'w', now(), now() FROM subreddits
    WHERE name = 'more_5';
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, finished_at,
        error_kind, error_message)
    SELECT id, 'failed', 1, 1, 'user', now(), kind, kind FROM subreddits,
        (VALUES (NULL), ('permanent')) AS error (kind) WHERE name = 'more_6';
    INSERT INTO scheduled_jobs (name, steps, cron_expression, next_run_at, steps_next_run_at)
    VALUES ('with steps', '[{"key": "a", "subreddit_id": 1, "subreddit": "plain"}]', '@daily',
        'infinity', now());
"""
AUDIT = """
    INSERT INTO admin_audit_log (actor, action, resource_type, resource_id, before, after,
        request_id, peer_address, client_address, token_id, db_role, transaction_id)
    VALUES ('x', 'y', 'crawl_job', '1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        ('x', 'y', 'crawl_job', '1', '{}', '{}', 'r', '::1', '::1', 'i', 'r', '1'),
        ('x', 'y', 'z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
CONTENT = (
    "subreddits/full/posts",
    "subreddits/full/posts?limit=1",
    "subreddits/full/comments",
    "subreddits/full/comments?limit=1",
    "posts/p1",
    "posts/p2?limit=1",
    "authors/plain",
    "authors/full?limit=1",
)
PATHS = (
    "audit-log",
    "audit-log?limit=1",
    "budget",
    "history?series=waiting,wait_p50_seconds,requests_user,remaining",
    "groups",
    "groups?limit=1",
    *(f"groups/{number}" for number in range(1, 4)),
    *(f"groups/{number}/overview" for number in range(1, 5)),
    "groups/rows",
    "groups/rows?limit=1",
    "groups/2/steps",
    "groups/3/steps?limit=1",
    "groups/3/steps/held",
    "groups/2/steps/failed",
    "groups/3/steps/last/explain",
    "jobs",
    "jobs?limit=1",
    "jobs/rows",
    "jobs/rows?limit=1",
    *(f"jobs/{number}" for number in range(1, 6)),
    *(f"jobs/{number}/explain" for number in range(1, 6)),
    *(f"jobs/{number}/overview" for number in range(1, 6)),
    "jobs/matches",
    "jobs/matches?source=user",
    "jobs/stats",
    "map",
    "operations",
    "operations?limit=1",
    "operations/1",
    "operations/2",
    "overview",
    "queue/pauses",
    "scheduled-jobs",
    "scheduled-jobs?limit=1",
    "scheduled-jobs/1",
    "scheduled-jobs/2",
    "scheduled-jobs/3",
    "scheduled-jobs/rows",
    "scheduled-jobs/rows?limit=1",
    *(f"scheduled-jobs/{number}/overview" for number in range(1, 5)),
    "scheduled-jobs/1/runs",
    "scheduled-jobs/1/runs?limit=1",
    "freshness",
    "freshness/subreddits",
    "freshness/subreddits?limit=1",
    *(f"subreddits/{name}/overview" for name in ("plain", "full", "more_2", "more_4", "more_6")),
    "subreddits",
    "subreddits?limit=1",
    "subreddits/plain",
    "subreddits/full",
    "audit-log/days",
    "tokens",
    "tokens?limit=1",
    "tokens/000000000000",
    "tokens/000000000001",
    "system/routes",
    "webhooks/health",
    "webhooks",
    "webhooks?limit=1",
    "webhooks/1",
    "webhooks/2",
    "webhooks/1/secret",
    "webhooks/2/secret",
    "webhooks/1/deliveries",
    "webhooks/1/deliveries?limit=1",
    "webhooks/deliveries/1",
    "webhooks/deliveries/2",
    "workers",
    "workers?limit=1",
)
# Schemas of responses to changes, of the token of the request, and of the system. Tests of their
# own check them.
OF_CHANGES = {
    "BulkItem",
    "CreatedToken",
    "Check",
    "CreatedWebhook",
    "Erasure",
    "GroupChangeItem",
    "ImportItem",
    "Replay",
    "ProcessState",
    "SchemaState",
    "TableState",
    "Upcoming",
    "Whoami",
    "WrittenSchedule",
}


def values(
    document: dict[str, Any], schema: dict[str, Any], value: Any, name: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield each value of a response with its name, as `Schema.field`."""
    if "anyOf" in schema and value is not None:
        schema = next((one for one in schema["anyOf"] if "$ref" in one), schema)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    if isinstance(value, dict) and "properties" in schema:
        for field, inner in schema["properties"].items():
            yield f"{name}.{field}", value[field]
            yield from values(document, inner, value[field], f"{name}.{field}")
    elif isinstance(value, list):
        for one in value:
            yield from values(document, schema.get("items", {}), one, name)


def seen(client: Client, path: str) -> Iterator[tuple[str, Any]]:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    document = openapi_document(client.application)
    rule, _ = client.application.url_map.bind("localhost").match(
        path.partition("?")[0], return_rule=True
    )
    name = str(rule)
    name = re.sub(r"<\w+:", "{", name)
    operation = document["paths"][name.replace(">", "}")]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    yield from values(document, schema, answer.get_json())


def allows_null(schema: dict[str, Any]) -> bool:
    return "null" in schema.get("type", ()) or {"type": "null"} in schema.get("anyOf", ())


def nullable(document: dict[str, Any]) -> set[str]:
    """Return the nullable fields of responses, which are required.

    Nullable fields of bodies are not.
    """
    return {
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, about in schema.get("properties", {}).items()
        if allows_null(about) and field in schema.get("required", ())
    }


def fill(database: Database) -> None:
    with database.begin() as conn:
        for statement in [*ROWS.split(";\n"), AUDIT]:
            if statement.strip():
                conn.execute(text(statement.replace(":", "\\:")))
        history_rows.fill(conn, minutes=30)


def test_a_field_that_may_be_null_is_null_in_one_row_and_not_in_another(
    client: Client, database: Database
) -> None:
    """The client checks each response against the document, so no other field is null."""
    found: dict[str, set[bool]] = defaultdict(set)
    # The statistics of an empty queue and an empty map have null values.
    for path in ("budget", "jobs/stats", "map", "overview"):
        for name, value in seen(client, f"{ADMIN}/{path}"):
            found[name].add(value is None)
    with database.begin() as conn:
        between_walks = "INSERT INTO deletion_walk VALUES (1, now(), NULL)"
        conn.execute(text(between_walks))
        conn.execute(text("UPDATE deletion_walk SET check_days = 30, budget_share = 0.1"))
    for name, value in seen(client, f"{ADMIN}/budget"):
        found[name].add(value is None)
    fill(database)
    for path in PATHS:
        for name, value in seen(client, f"{ADMIN}/{path}"):
            found[name].add(value is None)
    for path in CONTENT:
        for name, value in seen(client, f"/api/{path}"):
            found[name].add(value is None)
    expected = {
        name
        for name in nullable(openapi_document(client.application))
        if name.partition(".")[0] not in OF_CHANGES
    }
    assert {name for name, kinds in found.items() if len(kinds) == 2} == expected
