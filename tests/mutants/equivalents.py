"""The list of equivalent mutants: no test can notice them. Each has the reason."""

from __future__ import annotations

from mutants.mutant import Mutant

# The keys are values of Mutant.fingerprint().
EQUIVALENT: dict[str, str] = {
    "shared/crawljobs/runtime/periodic_tasks.py::PeriodicTasks.run [arithmetic] * -> / in: "
    "due[periodic] = time.monotonic() + periodic.seconds * spread": (
        "the spread lies around 1 either way"
    ),
    "shared/crawljobs/db/administration/roles.py::_retry_crossed [removed call] "
    "time.sleep(jitter.uniform(0, PAUSE_SECONDS)) -> pass in: "
    "time.sleep(jitter.uniform(0, PAUSE_SECONDS))": "only pauses between two tries",
    "services/crawler_worker/maintenance/sweeps.py::Maintenance.__init__ [constant] 1 -> (1 + "
    "1) in: "
    'job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},': (
        "every sweep may run at once with itself; one only spares connections"
    ),
    "services/crawler_worker/maintenance/sweeps.py::Maintenance.__init__ [constant] 1 -> (1 + "
    "1) in: "
    'executors={"default": ThreadPoolExecutor(1), "prune": ThreadPoolExecutor(1)},': (
        "every sweep may run at once with others; one thread only spares connections"
    ),
    "shared/crawljobs/domain/reddit_items.py::Account.suspended [constant] False -> True in: "
    "suspended: bool = False": "only an account's own page is asked, and that gives the value",
    "services/admin_api/http/problems.py::respond_to_http_exception [constant] 500 -> (500 - "
    "1) in: "
    "status = error.code or 500": "every exception that Werkzeug raises has a code",
    "shared/crawljobs/repository/operations/record_pruning.py::_PRUNE_KEYS [SQL order] "
    "created_at -> created_at DESC in: ORDER BY created_at LIMIT :at_most FOR UPDATE SKIP LOCKED": (
        "chunks follow until all are gone, whatever their order"
    ),
    "shared/crawljobs/repository/operations/audit_page.py::_first_id_at [comparison] >= -> > in: "
    "first = select(_earliest.c.id).where(_earliest.c.at >= time)": (
        "the range of ids has a minute to spare; the exact time is compared as well"
    ),
    "shared/crawljobs/repository/content/page_storage/crawled_edges.py::count_ctes [SQL order] "
    "found_in -> found_in DESC in: ORDER BY found_in, name": (
        "any order that all transactions share will do"
    ),
    "services/admin_api/server/protocol_errors.py::response_to [negated condition] is_bug -> "
    "not is_bug in: left_out = (_bug_lines if is_bug else _refused_lines).lines_left_out()": (
        "two equal limits, one for each kind of line"
    ),
    "services/crawler_worker/reddit/exchange/transfer.py::Transport._answered [constant] False -> "
    "True in: decode_content=False,": "each read of the body says so again",
    "services/crawler_worker/reddit/exchange/reply_head.py::ReplyHead._read_next_chunk_size "
    "[constant] 1 -> (1 + 1) in: line = self.fp.readline(_LINE_MAX + 1)": (
        "a line is refused one byte beyond the limit, or two"
    ),
    **{
        f"services/admin_api/schemas/fields.py::{field}._deserialize [swapped arguments] "
        f"attr, data -> data, attr in: {line}": "marshmallow's field of this kind reads neither"
        for field, line in (
            ("Whole", "return super()._deserialize(value, attr, data, **options)"),
            ("SubredditName", "name = super()._deserialize(value, attr, data, **options)"),
            ("Name", "given = super()._deserialize(value, attr, data, **options)"),
        )
    },
    "services/admin_api/gunicorn_conf.py::post_worker_init [removed call] "
    "sys.setswitchinterval(SWITCH_SECONDS) -> pass in: sys.setswitchinterval(SWITCH_SECONDS)": (
        "threads take turns less often; a probe is answered in time either way"
    ),
    "services/admin_api/server/connection.py::Connection.__init__ [removed assignment] "
    "self.waits_since = 0.0 -> pass in: self.waits_since = 0.0": (
        "each connection gets its time before it is compared with others"
    ),
    "services/crawler_worker/reddit/exchange/exchange_deadline.py::limit [constant] 0.0 -> "
    "(0.0 * 2 + 0.1) in: _exchange.ends_at = 0.0": (
        "either lies before each time of the monotonic clock, so the deadline has passed"
    ),
    "shared/crawljobs/repository/content/page_storage/item_upsert.py::write_ctes [SQL constant] "
    "1 -> 2 in: FROM input LEFT JOIN LATERAL (SELECT * FROM {table.name} WHERE id = input.id "
    "LIMIT 1)": "the id is the primary key, so there is at most one row",
    "shared/crawljobs/domain/zones.py::first_change [constant] 0 -> (0 + 1) in: "
    "low = start.replace(microsecond=0)": (
        "clocks change at whole seconds; the search for the second drops the fraction"
    ),
    "services/admin_api/resources/job_changes.py::_change [constant] 0 -> (0 + 1) in: "
    "version = 0 if changed.after is None else changed.after.version": (
        "the response about a deleted job has no ETag"
    ),
    **{
        "services/admin_api/resources/job_import.py::import_subreddits "
        f'{change} in: failed = sum(item["status"] >= 400 for item in items)': (
            "the status of an item is 200, 201 or 422"
        )
        for change in (
            "[comparison] >= -> >",
            "[constant] 400 -> (400 + 1)",
            "[constant] 400 -> (400 - 1)",
        )
    },
    "services/admin_api/resources/schedule_runs.py::run_schedule [removed raise] "
    'raise AssertionError("the row is locked by this transaction") -> pass in: '
    'raise AssertionError("the row is locked by this transaction")': (
        "the transaction has locked the row, so the job exists"
    ),
    "services/crawler_worker/crawl/tree_growth.py::_Growing.__init__ [removed "
    "assignment] self.has_new = False -> pass in: self.has_new = False": (
        "`take` sets the value before it is read"
    ),
    "services/crawler_worker/crawl/tree_growth.py::_Growing.__init__ [constant] False"
    " -> True in: self.has_new = False": ("`take` sets the value before it is read"),
    "services/crawler_worker/crawl/tree.py::Tree.without_more [comparison] > -> >= "
    "in: while stubs and left > 0:": ("a step of no ids takes no ids from the first stub"),
    "services/crawler_worker/crawl/trees.py::_choose [comparison] > -> >= in: if "
    "context.checkpoint.page == 0 and room > 0:": ("a limit of 0 finds no trees"),
    "services/crawler_worker/crawl/checkpoints/estimate.py::CAPACITY [constant] 1_000"
    " -> (1_000 - 1) in: CAPACITY = 1_000": ("999 items fill as many pages of 100"),
    "services/crawler_worker/crawl/walks/marks.py::newest [swapped arguments] "
    "item.created_at, now -> now, item.created_at in: growth = SAME_TIME * A_YEAR ** "
    "_years_between(found.created_at, item.created_at, now)": (
        "the earlier of the two times, in whatever order they come"
    ),
    "services/crawler_worker/crawl/walks/walk_ends.py::_with_gap [and/or] or -> and "
    "in: if walk.oldest is None or walk.oldest_at is None:": ("both are None, or neither is"),
    "services/crawler_worker/crawl/politeness.py::wait [comparison] <= -> < in: if "
    "gap <= 0 or asked_at is None:": ("without a gap there is nothing left to wait"),
    "services/crawler_worker/crawl/crawl_finish.py::finish [comparison] > -> >= in: "
    "later[:] = [name for name, subreddit_id in found.items() if subreddit_id > own]": (
        "a crawl never discovers its own subreddit"
    ),
    "services/crawler_worker/crawl/crawl_finish.py::record_barred [constant] False ->"
    " True in: is_believed = False": ("the transaction sets the value before it is read"),
    "services/crawler_worker/crawl/discovery_budget.py::Spending.of [constant] 0 -> "
    "(0 + 1) in: return cls(None, at_most=at_most, spent=0, charged=0)": (
        "a crawl without a root charges nothing"
    ),
    "services/crawler_worker/crawl/missing/parts.py::GivenUp.__init__ [removed call] "
    'super().__init__(f"{part.kind} {part.item}: {part.reason}") -> pass in: '
    'super().__init__(f"{part.kind} {part.item}: {part.reason}")': (
        "each caller handles the error, so nothing shows its text"
    ),
    "services/crawler_worker/crawl/name_checks.py::_check [arithmetic] + -> - in: "
    "then = replace(context.checkpoint, page=context.checkpoint.page + 1)": (
        "the next transaction begins a phase with a page count of its own"
    ),
    "services/crawler_worker/crawl/name_checks.py::_check [constant] 1 -> (1 + 1) in:"
    " then = replace(context.checkpoint, page=context.checkpoint.page + 1)": (
        "the next transaction begins a phase with a page count of its own"
    ),
}
# Numbers that were chosen for cost or speed, by `path::definition`. A slightly different value has
# the same effect, so no test checks the exact value.
TUNED: dict[str, str] = {
    "services/scheduler/timetable.py::LEAST_PAUSE_SECONDS": "between two looks for what is locked",
    "services/crawler_worker/reddit/oauth/token.py::POLL_SECONDS": "between two looks for a token",
    "services/crawler_worker/claims/worker.py::POLL_JITTER": "so that workers do not poll together",
    "shared/crawljobs/db/administration/grants.py::CONNECTION_SHARES": "shares of the server's "
    "connections",
    "shared/crawljobs/domain/request_budget.py::QUEUE_SECONDS": "below it there is no queue",
    "shared/crawljobs/repository/content/page_storage/crawled_items.py::BATCH": "items a statement",
    "shared/crawljobs/domain/cron_fields.py::interval": (
        "characters of the input that an error repeats"
    ),
    "services/crawler_worker/crawl/walks/courses.py::ITEMS_MAX": "far above what a listing shows",
    "services/admin_api/http/streaming.py::PIECE_BYTES": "bytes that are sent at once",
    "services/admin_api/resources/audit.py::EXPORT_BATCH": "entries that one transaction reads",
    "services/admin_api/resources/job_selection.py::JOBS_EXAMINED_MAX": "limits the time of a "
    "request",
    "services/admin_api/resources/job_bulk.py::_BY_IDS": "an example in the documentation",
    "services/admin_api/resources/schedule_runs.py::_EPOCH": "cursors count from this time, and "
    "any other time does as well",
}


def reason(mutant: Mutant) -> str | None:
    """Return the reason why no test can notice this mutant, or None if a test could."""
    if mutant.rule == "constant":
        tuned = TUNED.get(f"{mutant.path}::{mutant.definition}")
        if tuned:
            return f"tuned: {tuned}"
    return EQUIVALENT.get(mutant.fingerprint())
