"""The fixed list of changes that once no test noticed, each with the tests that must notice it.

A change is a pattern and its replacement, so that it still applies after other changes of the file.
If the file no longer exists or has no match, the other modules are searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutants.mutant import DoesNotApply, Mutant, line_of, text_of_line
from mutants.places import Module
from mutants.session import Task

PRODUCTION = ("shared", "services")
SECONDS = 60.0  # an upper bound for the time of a change's tests without the change


@dataclass(frozen=True)
class NamedChange:
    """A change. It replaces the only match of the regular expression `before` by `after`.

    `after` may refer to groups of `before`.
    """

    name: str
    path: str
    before: str
    after: str
    tests: tuple[str, ...]

    def found_in(self, root: Path) -> Mutant:
        """Return the mutant at the current place of its code. Raises DoesNotApply."""
        for path in _here_first(root, self.path):
            source = (root / path).read_text()
            found = list(re.finditer(self.before, source))
            if len(found) > 1:
                raise DoesNotApply(f"{self.name}: {path} has its place {len(found)} times")
            if found:
                (match,) = found
                return Mutant(
                    path,
                    match.start(),
                    match.group(),
                    match.expand(self.after),
                    rule=self.name,
                    line=line_of(source, match.start()),
                    definition=Module(path, source).definition_of(match.start()),
                    text=text_of_line(source, match.start()),
                )
        raise DoesNotApply(f"{self.name}: no module has its place any more: {self.before}")


def task(root: Path, change: NamedChange) -> Task:
    return Task(change.found_in(root), change.tests, SECONDS)


def _here_first(root: Path, path: str) -> Iterator[str]:
    if (root / path).exists():
        yield path
    for top in PRODUCTION:
        for file in sorted((root / top).rglob("*.py")):
            name = file.relative_to(root).as_posix()
            if name != path:
                yield name


REPOSITORY = "shared/crawljobs/repository"
DOMAIN = "shared/crawljobs/domain"
WORKER = "services/crawler_worker"
API = "services/admin_api"
SCHEDULER = "services/scheduler"
CHANGES: tuple[NamedChange, ...] = (
    NamedChange(
        "a missing right counts as an error of the schedule's row",
        f"{SCHEDULER}/schedule_firing.py",
        r'\("22", "23", "P0"\)',
        r'("22", "23", "42", "P0")',
        ("tests/services/scheduler/test_schedule_firing.py",),
    ),
    NamedChange(
        "jobs that the rescue fails get no audit row",
        f"{WORKER}/maintenance/rescuing.py",
        r"( +)_audit\(conn, rescued\)",
        r"\1pass",
        ("tests/services/crawler_worker/maintenance/test_rescue_audit.py",),
    ),
    NamedChange(
        "an extended lease counts from the answer",
        f"{WORKER}/claims/lease_keeper.py",
        r"held\.extended\(requested_at\)",
        "held.extended(time.monotonic())",
        ("tests/services/crawler_worker/claims/test_lease_keeper.py",),
    ),
    NamedChange(
        "the database counts as reached from the answer",
        f"{WORKER}/claims/lease_keeper.py",
        r"self\._reached_at = requested_at",
        "self._reached_at = time.monotonic()",
        ("tests/services/crawler_worker/claims/test_lease_keeper.py",),
    ),
    NamedChange(
        "a filter that looked at its limit changes only a part",
        f"{API}/resources/job_selection.py",
        r"if page\.next is not None:",
        "if page.next is not None and len(page.jobs) >= ITEMS_MAX:",
        ("tests/services/admin_api/resources/test_job_bulk.py",),
    ),
    NamedChange(
        "others count below zero after a changed cap",
        f"{REPOSITORY}/reddit_api/reddit_budgets.py",
        r"func\.greatest\(_ZERO, _new_others\)",
        "_new_others",
        ("tests/shared/repository/reddit_api/test_reddit_budgets.py",),
    ),
    NamedChange(
        "echoes of one 429 prolong the pause",
        f"{REPOSITORY}/reddit_api/reddit_pauses.py",
        r"case\(\(_is_paused, _ZERO\), else_=_growing_pause\)",
        "_growing_pause",
        ("tests/shared/repository/reddit_api/test_reddit_budgets.py",),
    ),
    NamedChange(
        "Retry-After has no longest wait",
        f"{WORKER}/reddit/replies.py",
        r"min\(seconds, RETRY_AFTER_MAX_SECONDS\)",
        "seconds",
        ("tests/services/crawler_worker/reddit/test_replies.py",),
    ),
    NamedChange(
        "the pause between tries to write an end doubles without limit",
        "shared/crawljobs/runtime/backoff.py",
        r"min\((first .+), longest\)",
        r"\1",
        ("tests/shared/runtime/test_backoff.py",),
    ),
    NamedChange(
        "the scheduler never forgets its failures",
        f"{SCHEDULER}/timetable.py",
        r"pause, failures = self\.seconds_to_sleep\(\), 0",
        "pause = self.seconds_to_sleep()",
        ("tests/services/scheduler/test_timetable.py",),
    ),
    NamedChange(
        "a silently dead LISTEN is never found",
        f"{SCHEDULER}/hints.py",
        r"else:\n( +)direct\.listen\(due_schedules\.CHANNEL\)[^\n]*",
        r"else:\n\1pass",
        ("tests/services/scheduler/test_hints.py",),
    ),
    NamedChange(
        "a skipped tick erases last_run_at",
        f"{REPOSITORY}/schedules/due_schedules.py",
        r"func\.coalesce\(_advance\.c\.fired_at, _schedule\.last_run_at\)",
        "_advance.c.fired_at",
        ("tests/services/scheduler/test_schedule_firing.py",),
    ),
    NamedChange(
        "the later of two times of a rerun wins",
        f"{REPOSITORY}/queue/job_enqueue_sql.py",
        r"least\(job\.rerun_visible_at,",
        "greatest(job.rerun_visible_at,",
        (
            "tests/shared/repository/queue/test_follow_up_waits.py",
            "tests/shared/repository/queue/test_job_enqueue.py",
        ),
    ),
    NamedChange(
        "quarantined communities are promoted",
        f"{REPOSITORY}/content/discovery.py",
        r"subreddit\.access IN \('public', 'restricted'\)",
        "subreddit.access IN ('public', 'restricted', 'quarantined')",
        ("tests/shared/repository/content/test_discovery.py",),
    ),
    NamedChange(
        "a page whose cursor is its own goes on",
        f"{WORKER}/crawl/walks/walk_steps.py",
        r"is_circle = page\.after is not None and page\.after == at\.cursor",
        "is_circle = False",
        ("tests/services/crawler_worker/crawl/walks/test_walk_steps.py",),
    ),
    NamedChange(
        "a crawl with a long gap asks again in place after a 429",
        f"{WORKER}/reddit/client.py",
        r"throttles >= THROTTLES_IN_PLACE or not is_patient",
        "throttles >= THROTTLES_IN_PLACE",
        ("tests/services/crawler_worker/reddit/test_client.py",),
    ),
    NamedChange(
        "a deleted post's text comes back in a race",
        f"{REPOSITORY}/content/page_storage/item_upsert.py",
        r"(checked_at = excluded\.checked_at)\n +WHERE stored\.deleted_at IS NULL OR "
        r"excluded\.deleted_at IS NOT NULL OR \{_IS_OMITTED\}\n"
        r"( +RETURNING id, author_id, subreddit_id)",
        r"\1\n\2",
        ("tests/shared/repository/content/test_crawled_items.py",),
    ),
    NamedChange(
        "conflicts are tried again beyond their time",
        "shared/crawljobs/db/database.py",
        r"attempt \+ 1 < CONFLICT_RETRIES and time\.monotonic\(\) < give_up_at",
        "attempt + 1 < CONFLICT_RETRIES",
        ("tests/shared/db/test_database.py",),
    ),
    NamedChange(
        "idempotency keys belong to a token's name",
        f"{API}/http/idempotency.py",
        r"auth\.current_identity\(\)\.key",
        "auth.current_identity().name",
        ("tests/services/admin_api/http/test_idempotency.py",),
    ),
    NamedChange(
        "a bulk change locks its jobs in the order of ids",
        f"{REPOSITORY}/queue/operator_changes.py",
        r"sorted\(found\.keys\(\) - refused\.keys\(\), key=lambda i: [^\n]*\)",
        "sorted(found.keys() - refused.keys())",
        ("tests/shared/repository/queue/test_contention.py",),
    ),
    NamedChange(
        "a rescued job keeps its aged priority",
        f"{REPOSITORY}/queue/maintenance/job_maintenance.py",
        r"\n +priority = job\.base_priority,(?=\n +retry_count = job\.retry_count \+ 1)",
        "",
        ("tests/shared/repository/queue/maintenance/test_job_maintenance.py",),
    ),
    NamedChange(
        "equal requests for a rerun mix source and trace",
        f"{REPOSITORY}/queue/job_enqueue_sql.py",
        r"(SELECT job\.rerun_priority) >= excluded",
        r"\1 > excluded",
        ("tests/shared/repository/queue/test_traceparents.py",),
    ),
    NamedChange(
        "ended pauses are deleted at once",
        f"{REPOSITORY}/queue/maintenance/pause_parking.py",
        r"until <= \{NOW\} - interval '1 hour'",
        "until <= {NOW}",
        ("tests/shared/repository/queue/test_queue_pauses.py",),
    ),
    NamedChange(
        "merging counts waits for locked rows",
        f"{REPOSITORY}/queue/maintenance/count_merging.py",
        r"with_for_update\(skip_locked=True\)",
        "with_for_update()",
        ("tests/shared/repository/queue/maintenance/test_job_maintenance.py",),
    ),
    NamedChange(
        "a job that is visible now is explained as invisible",
        f"{DOMAIN}/claim_conditions.py",
        r"job\.not_before <= around\.now",
        "job.not_before < around.now",
        ("tests/shared/domain/test_explanation.py",),
    ),
    NamedChange(
        "a paused subreddit's job gets an estimate",
        f"{DOMAIN}/explanation.py",
        r"\n +\(around\.subreddit_paused, around\.subreddit_paused_until\),",
        "",
        ("tests/shared/domain/test_explanation.py",),
    ),
    NamedChange(
        "an expression may have one character more",
        f"{DOMAIN}/cron.py",
        r"len\(expression\) > LONGEST_EXPRESSION",
        "len(expression) > LONGEST_EXPRESSION + 1",
        ("tests/shared/domain/test_cron.py",),
    ),
    NamedChange(
        "a profile's name may have one character more",
        f"{DOMAIN}/subreddit.py",
        r"u_\[A-Za-z0-9_-\]\{2,20\}",
        "u_[A-Za-z0-9_-]{2,21}",
        ("tests/shared/domain/test_subreddit.py",),
    ),
    NamedChange(
        "a visit on the full hour is at once",
        f"{DOMAIN}/revisit.py",
        r"at > latest and at - DAY > now",
        "at > latest and at - DAY >= now",
        ("tests/shared/domain/test_revisit.py",),
    ),
    NamedChange(
        "425 is a refusal of the request",
        f"{WORKER}/reddit/reply_cells.py",
        r"\(\(408, 425\), Status\.TIMEOUT\)",
        "((408,), Status.TIMEOUT)",
        ("tests/services/crawler_worker/reddit/test_replies.py",),
    ),
    NamedChange(
        "aging waits for the disk",
        f"{WORKER}/maintenance/priority_aging.py",
        r"\n +job_maintenance\.commit_without_disk\(conn\)",
        "",
        ("tests/services/crawler_worker/maintenance/test_aging_sweep.py",),
    ),
    NamedChange(
        "every other prune is skipped",
        f"{WORKER}/maintenance/sweeps.py",
        r"pace = every - timedelta\(seconds=every\.total_seconds\(\) \* 0\.2\)",
        "pace = every",
        ("tests/services/crawler_worker/maintenance/test_pruning.py",),
    ),
    NamedChange(
        "a body of exactly the limit is refused",
        f"{API}/http/request/request_body.py",
        r"\(flask\.request\.content_length or 0\) > most",
        "(flask.request.content_length or 0) >= most",
        (
            "tests/services/admin_api/server/test_arriving_request.py",
            "tests/services/admin_api/http/test_hostile_requests.py",
        ),
    ),
    NamedChange(
        "no pause between conflicts",
        "shared/crawljobs/db/database.py",
        r"( +)time\.sleep\(pause\)[^\n]*",
        r"\1pass",
        ("tests/shared/db/test_database.py",),
    ),
)
