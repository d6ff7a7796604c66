"""Remove the name of an author from the checkpoints of jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from crawljobs.domain.missing_part import PartKind

_LIVE = "('waiting', 'queued', 'crawling')"
_FINAL = "('succeeded', 'failed', 'cancelled')"


def _list_of(key: str) -> str:
    """Return the list with this key in a checkpoint. An absent or null list is empty."""
    return f"CASE jsonb_typeof(checkpoint -> '{key}') WHEN 'array' THEN checkpoint -> '{key}' END"


# True if the name is in the list of histories to request, or if a history with this name was given
# up.
_LISTED = "lower(listed) = lower(:name)"
_HISTORY = f"(part ->> 'kind' = '{PartKind.HISTORY}' AND lower(part ->> 'item') = lower(:name))"
_NAMES = f"""(
        EXISTS (SELECT FROM jsonb_array_elements_text({_list_of("histories")}) AS listed
            WHERE {_LISTED})
        OR EXISTS (SELECT FROM jsonb_array_elements({_list_of("missing")}) AS part
            WHERE {_HISTORY}))"""


def _without(key: str, function: str, element: str, condition: str) -> str:
    return f"""CASE WHEN jsonb_typeof(checkpoint -> '{key}') = 'array' THEN jsonb_build_object(
            '{key}', (SELECT coalesce(jsonb_agg({element} ORDER BY place), '[]')
                FROM {function}(checkpoint -> '{key}') WITH ORDINALITY AS each ({element}, place)
                WHERE NOT {condition}))
            ELSE '{{}}' END"""


# A succeeded job that is not incomplete has requested all its histories, so its checkpoint does not
# have the name. The two branches of the UNION read two indexes of jobs by subreddit. The subreddit
# of a locked job is returned, as if the job were running.
_REMOVE = text(f"""
    WITH job AS (
        SELECT id, subreddit_id FROM crawl_jobs
        WHERE subreddit_id = ANY (CAST(:subreddit_ids AS bigint[])) AND status IN {_LIVE}
            AND checkpoint IS NOT NULL AND {_NAMES}
        UNION ALL
        SELECT id, subreddit_id FROM crawl_jobs
        WHERE subreddit_id = ANY (CAST(:subreddit_ids AS bigint[])) AND status IN {_FINAL}
            AND (status <> 'succeeded' OR incomplete) AND checkpoint IS NOT NULL AND {_NAMES}
    ), changed AS (
        UPDATE crawl_jobs SET checkpoint = checkpoint
            || {_without("histories", "jsonb_array_elements_text", "listed", _LISTED)}
            || {_without("missing", "jsonb_array_elements", "part", _HISTORY)}
        WHERE id = ANY (ARRAY(
            SELECT id FROM crawl_jobs
            WHERE id = ANY (ARRAY(SELECT id FROM job)) AND status <> 'crawling'
            ORDER BY subreddit_id, id FOR NO KEY UPDATE SKIP LOCKED))
        RETURNING id
    )
    SELECT DISTINCT subreddit_id FROM job WHERE id NOT IN (SELECT id FROM changed)
    """)


def remove(conn: Connection, *, name: str, subreddit_ids: Sequence[int]) -> Collection[int]:
    """Remove the name from the checkpoints of all jobs of these subreddits, except running jobs.

    Return the subreddits with a running job whose checkpoint has the name. The running crawl skips
    the history, because the author is not stored, and then saves a checkpoint without the name.
    """
    found = conn.execute(_REMOVE, {"name": name, "subreddit_ids": list(subreddit_ids)})
    return {int(row.subreddit_id) for row in found}
