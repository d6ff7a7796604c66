"""The list of equivalent mutants: no test can notice them. Each has the reason."""

from __future__ import annotations

from mutants.mutant import Mutant

# The keys are values of Mutant.fingerprint().
EQUIVALENT: dict[str, str] = {
    "shared/crawljobs/db/administration/drift.py::_CATALOGUE [SQL comparison] > -> >= in:"
    " WHERE relnamespace = to_regnamespace(:schema) AND attnum > 0 AND NOT "
    'attisdropped""",': ("no column has the number 0"),
    "shared/crawljobs/db/administration/drift.py::find [constant] 4 -> (4 + 1) in: "
    'scratch = f"crawljobs_check_{secrets.token_hex(4)}"': (
        "any name that no other schema has will do"
    ),
    "shared/crawljobs/db/administration/drift.py::find [constant] 4 -> (4 - 1) in: "
    'scratch = f"crawljobs_check_{secrets.token_hex(4)}"': (
        "any name that no other schema has will do"
    ),
    "shared/crawljobs/db/administration/drift.py::find [constant] False -> True in: "
    "tables.metadata.create_all(conn, checkfirst=False)": ("the schema is new, so no table exists"),
    "shared/crawljobs/db/administration/drift.py::find [swapped arguments] line, line -> "
    "line, line in: have = {as_made.get(line, line) for line in have}": (
        "both arguments are the same"
    ),
    "shared/crawljobs/db/administration/roles.py::OWN_SETTINGS [SQL constant] 3 -> 4 in: "
    "ORDER BY 1, 2, 3": ("quoted names have the order of the names"),
    "shared/crawljobs/db/administration/rights_sql.py::EFFECTIVE [SQL removed term] AND "
    "attnum > 0 ->  in: FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND "
    "attnum > 0 AND NOT attisdropped,": ("no role gets rights on system columns"),
    "shared/crawljobs/db/administration/rights_sql.py::EFFECTIVE [SQL comparison] > -> >="
    " in: FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND "
    "NOT attisdropped,": ("no role gets rights on system columns"),
    "shared/crawljobs/db/administration/audit_policies.py::_FOUND [SQL removed term] AND "
    "polqual IS NULL ->  in: polcmd = 'a' AND polqual IS NULL AND polroles = '{0}' AS "
    "is_ours": ("a policy for INSERT has no condition for reads"),
    "shared/crawljobs/db/administration/audit_archive.py::_move [SQL order] at -> at DESC"
    " in: ORDER BY at, id LIMIT :at_most))": (
        "chunks follow until all rows are moved, whatever their order"
    ),
    'shared/crawljobs/domain/masking.py::mask [and/or] and -> or in: if "://" in text and'
    ' "@" in text:': ("a line without :// stays as it is"),
    "shared/crawljobs/domain/masking.py::_mask_address [comparison] < -> <= in: return "
    'f"{line[: start + 3]}{HIDDEN}{line[end:]}" if 0 <= start < end else line': (
        "the two characters are never at the same place"
    ),
    "shared/crawljobs/domain/trace_context.py::parse [constant] 16 -> (16 + 1) in: if not"
    ' int(found["trace"], 16) or not int(found["span"], 16):': (
        "a number is 0 in both bases or in none"
    ),
    "shared/crawljobs/domain/mentions.py::find [removed break] break -> pass in: break": (
        "only spares the rest of the text; the result is cut"
    ),
    "shared/crawljobs/db/direct.py::DirectConnection.wait [constant] 4096 -> (4096 + 1) "
    "in: os.read(wake, 4096)": ("the pipe holds single bytes; more are read by the next wait"),
    "shared/crawljobs/db/direct.py::DirectConnection.wait [constant] 4096 -> (4096 - 1) "
    "in: os.read(wake, 4096)": ("the pipe holds single bytes; more are read by the next wait"),
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
    "services/scheduler/hints.py::Hints.__init__ [constant] 63 -> (63 + 1) in: "
    'self._application_name = f"{name} hints"[:63]': ("Postgres cuts the name to 63 characters"),
    "services/scheduler/hints.py::Hints.run [constant] 0 -> (0 + 1) in: failures = 0": (
        "only the first pause is longer"
    ),
    "services/scheduler/hints.py::Hints._serve [constant] 1 -> (1 + 1) in: self._connections "
    "+= 1": ("every later connection counts as reopened either way"),
    "services/scheduler/schedule_firing.py::fire_due_schedules [removed raise] raise -> pass "
    "in: raise": ("each schedule is then fired alone, and that raises the same error"),
    "services/scheduler/schedule_firing.py::_fire [and/or] and -> or in: if each.outcome is "
    "not None and each.job_id is not None": (
        "a skipped run is then written again with the same values"
    ),
    "services/scheduler/__main__.py::Process.run [removed call] self._database.close() -> pass "
    "in: self._database.close()": ("the process ends, and the server closes its connections"),
    "services/scheduler/__main__.py::Process._stop_all [removed call] self._hints.stop() -> "
    "pass in: self._hints.stop()": ("the thread keeps no process alive"),
    "services/scheduler/__main__.py:: [removed call] gc.freeze() -> pass in: gc.freeze()": (
        "only spares time at the exit"
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/db/schema.py::_FOUND [SQL constant] 1 -> 2 in: FROM "
                "alembic_version LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/queue_sql.py::PAUSED_UNTIL [SQL constant] 1 -> "
                "2 in: LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/queue_sql.py::NO_LIVE_JOB [SQL constant] 1 -> 2 "
                "in: LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/queue_sql.py::POLITE_UNTIL [SQL constant] 1 -> "
                "2 in: SELECT {POLITE} FROM subreddits WHERE id = {{scope}} LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/job_completion_sql.py::COMPLETION_STATEMENTS "
                "[SQL constant] 1 -> 2 in: SELECT access_unconfirmed FROM subreddits WHERE id = "
                "held.subreddit_id LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/wait_causes.py::WITHOUT_CAUSE [SQL constant] 1 "
                "-> 2 in: SELECT * FROM crawl_jobs WHERE id = looked.id LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/pause_parking.py::park_job_of "
                '[constant] 1 -> (1 + 1) in: conn.execute(_PARK, {"scope": subreddit_id, '
                '"at_most": 1, "now": now})'
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/pause_parking.py::_PARK [SQL "
                "constant] 1 -> 2 in: LIMIT 1"
            ),
        ),
        "there is at most one such row",
    ),
    "shared/crawljobs/repository/queue/queue_sql.py::NO_PAUSES [SQL order] scope -> scope DESC "
    'in: NO_PAUSES = "(SELECT scope FROM queue_pauses WHERE scope > 0 ORDER BY scope LIMIT 1) '
    'IS NULL"': ("any row of the table will do"),
    "shared/crawljobs/repository/queue/queue_sql.py::NO_PAUSES [SQL comparison] > -> >= in: "
    'NO_PAUSES = "(SELECT scope FROM queue_pauses WHERE scope > 0 ORDER BY scope LIMIT 1) IS '
    'NULL"': ("the pause of the whole queue then only makes the statement check each job"),
    "shared/crawljobs/repository/queue/job_completion.py::complete_claims [removed continue] "
    "continue -> pass in: continue": ("a statement without claims changes no row"),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/operator_change_sql.py::_end [swapped "
                "arguments] NOW, claimed.c.claimed_at -> claimed.c.claimed_at, NOW in: "
                "func.greatest(NOW, claimed.c.claimed_at),"
            ),
            (
                "shared/crawljobs/repository/queue/operator_change_sql.py::_end [swapped "
                "arguments] NOW, _job.created_at -> _job.created_at, NOW in: "
                "finished_at=func.greatest(NOW, _job.created_at, _job.claimed_at),"
            ),
            (
                "shared/crawljobs/repository/queue/operator_change_sql.py::_end [swapped "
                "arguments] _job.created_at, _job.claimed_at -> _job.claimed_at, _job.created_at "
                "in: finished_at=func.greatest(NOW, _job.created_at, _job.claimed_at),"
            ),
            (
                "shared/crawljobs/repository/queue/operator_change_sql.py::_boost [swapped "
                "arguments] _job.priority, _job.base_priority -> _job.base_priority, _job.priority "
                "in: .where(func.least(_job.priority, _job.base_priority) < _MAX)"
            ),
            (
                "shared/crawljobs/repository/queue/operator_change_sql.py::_retry [swapped "
                "arguments] NOW, _job.created_at -> _job.created_at, NOW in: "
                "queued_at=func.greatest(NOW, _job.created_at),"
            ),
            (
                "shared/crawljobs/repository/queue/job_stats.py::_first_queued [swapped arguments] "
                "_IS_QUEUED, condition -> condition, _IS_QUEUED in: queued = "
                "select(_job.queued_at).where(_IS_QUEUED, condition)"
            ),
            (
                "shared/crawljobs/repository/queue/job_stats.py::_sample [swapped arguments] "
                "_newest.c.queued_at, _newest.c.visible_at -> _newest.c.visible_at, "
                "_newest.c.queued_at in: _newest, func.greatest(_newest.c.queued_at, "
                '_newest.c.visible_at).label("claimable_at")'
            ),
            (
                "shared/crawljobs/repository/queue/job_explain.py::_blocked_until [swapped "
                "arguments] _budget.paused_until, _budget.outage_until -> _budget.outage_until, "
                "_budget.paused_until in: _blocked_until = func.greatest(_budget.paused_until, "
                "_budget.outage_until)"
            ),
            (
                "shared/crawljobs/repository/schedules/due_schedules.py::_next [swapped arguments] "
                "_schedule.enabled, _NOT_PASSED_OVER -> _NOT_PASSED_OVER, _schedule.enabled in: "
                ".where(_schedule.enabled, _NOT_PASSED_OVER)"
            ),
            (
                "shared/crawljobs/repository/schedules/due_schedules.py::_SECONDS_UNTIL_NEXT_DUE "
                "[swapped arguments] _next.c.next_run_at, _now -> _now, _next.c.next_run_at in: "
                'func.least(func.greatest(_next.c.next_run_at, _now), _now + inline_interval("1 '
                'day")) - _now'
            ),
            (
                "shared/crawljobs/repository/schedules/schedule_setbacks.py::_AHEAD [swapped "
                "arguments] _schedule.last_run_at, _schedule.updated_at -> _schedule.updated_at, "
                "_schedule.last_run_at in: func.greatest(_schedule.last_run_at, "
                "_schedule.updated_at)"
            ),
            (
                "shared/crawljobs/repository/schedules/schedule_setbacks.py::_MEND [swapped "
                "arguments] _schedule.updated_at, _mended.c.now -> _mended.c.now, "
                "_schedule.updated_at in: updated_at=func.least(_schedule.updated_at, "
                "_mended.c.now),"
            ),
        ),
        "the order of these values changes no result",
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/job_claim.py::_CLAIMED_BY_TOKEN [SQL removed "
                "term] WHERE job.status = 'crawling' AND -> WHERE in: WHERE job.status = "
                "'crawling' AND job.claim_token = CAST(:claim_token AS uuid)"
            ),
            (
                "shared/crawljobs/repository/queue/leases.py::_SAVE_CHECKPOINT [SQL removed term] "
                "AND status = 'crawling' ->  in: WHERE id = :job_id AND claim_token = :claim_token "
                "AND status = 'crawling'"
            ),
            (
                "shared/crawljobs/repository/queue/parked_jobs.py::_OF_SUBREDDIT [SQL removed "
                "term] AND status = 'waiting' ->  in: WHERE subreddit_id = :subreddit_id AND "
                "status = 'waiting' AND wait_reason IN {DERIVED}"
            ),
            (
                "shared/crawljobs/repository/queue/parked_jobs.py::_BY_POLITENESS [SQL removed "
                "term] AND status = 'waiting' ->  in: WHERE subreddit_id = :subreddit_id AND "
                "status = 'waiting' AND wait_reason = 'politeness'"
            ),
            (
                "shared/crawljobs/repository/queue/parked_jobs.py::_SETTLE [SQL removed term] "
                "WHERE status = 'waiting' AND -> WHERE in: WHERE status = 'waiting' AND "
                "wait_reason IN {DERIVED} AND visible_at > {NOW}"
            ),
            (
                "shared/crawljobs/repository/queue/parked_jobs.py::_FREE_FROM_REDDIT [SQL removed "
                "term] WHERE status = 'waiting' AND -> WHERE in: WHERE status = 'waiting' AND "
                "wait_reason IN {DERIVED}"
            ),
            (
                "shared/crawljobs/repository/queue/wait_causes.py::WITHOUT_CAUSE [SQL removed "
                "term] WHERE status = 'waiting' AND -> WHERE in: WHERE status = 'waiting' AND "
                "wait_reason IN {DERIVED} AND {PARKED_TOO_LONG}"
            ),
            (
                "shared/crawljobs/repository/queue/wait_causes.py::WITHOUT_CAUSE [SQL removed "
                "term] WHERE status = 'waiting' AND -> WHERE in: WHERE status = 'waiting' AND "
                "wait_reason IN {DERIVED}"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::BACKOFFS [SQL "
                "removed term] WHERE status = 'waiting' AND -> WHERE in: WHERE status = 'waiting' "
                "AND wait_reason = 'retry' AND visible_at > {NOW}"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::FOLLOW_UPS [SQL "
                "removed term] WHERE status = 'waiting' AND -> WHERE in: WHERE status = 'waiting' "
                "AND wait_reason = 'later' AND visible_at = '9999-12-31T00:00:00Z'"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::FOLLOW_UPS [SQL "
                "removed term] AND status IN ('succeeded', 'failed', 'cancelled') ->  in: AND "
                "status IN ('succeeded', 'failed', 'cancelled')"
            ),
        ),
        "a constraint of the table implies the condition",
    ),
    "shared/crawljobs/repository/queue/wait_causes.py::_CAUSE [SQL removed coalesce] "
    "coalesce(until, 'infinity') -> until in: SELECT 'paused', coalesce(until, 'infinity') "
    "FROM queue_pauses": ("least() ignores a null"),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/wait_causes.py::WITHOUT_CAUSE [SQL comparison] "
                "< -> <= in: WHERE status = 'waiting' AND visible_at < {NOW} - CAST(:grace AS "
                "interval)"
            ),
            (
                "shared/crawljobs/repository/queue/wait_causes.py::WITHOUT_CAUSE [SQL arithmetic] "
                "- -> + in: WHERE status = 'waiting' AND visible_at < {NOW} - CAST(:grace AS "
                "interval)"
            ),
        ),
        "the whole query checks the time again",
    ),
    "shared/crawljobs/repository/queue/maintenance/job_maintenance.py::_RESCUE [SQL "
    "arithmetic] + -> - in: * (1 + CAST(:jitter AS double precision) * (2 * random() - 1)),": (
        "the random part lies around 0 either way"
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/maintenance/job_maintenance.py::_RESCUE [SQL "
                "constant] 64 -> 65 in: CAST(:base AS double precision) * power(2, "
                "least(retry_count, 64))"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::_BACKOFF [SQL "
                "constant] 65 -> 66 in: CAST(:base AS double precision) * power(2, "
                "least(greatest(retry_count, 1), 65) - 1)"
            ),
        ),
        "the pause has reached its maximum long before",
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::BACKOFFS [SQL "
                "removed term] AND visible_at > {NOW} ->  in: WHERE status = 'waiting' AND "
                "wait_reason = 'retry' AND visible_at > {NOW}"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::BACKOFFS [SQL "
                "comparison] > -> >= in: WHERE status = 'waiting' AND wait_reason = 'retry' AND "
                "visible_at > {NOW}"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_aging.py::_AGE [SQL removed "
                "term] AND priority < priority_ceiling ->  in: WHERE status = 'queued' AND "
                "priority < priority_ceiling"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/job_aging.py::_AGE [SQL comparison] "
                "< -> <= in: WHERE status = 'queued' AND priority < priority_ceiling"
            ),
            (
                "shared/crawljobs/repository/queue/maintenance/pause_parking.py::_PARK [SQL "
                "removed term] AND status ->  in: AND status IN {LIVE}"
            ),
        ),
        "another condition implies it; it is there for an index",
    ),
    "shared/crawljobs/repository/queue/maintenance/job_setbacks.py::FOLLOW_UPS [SQL "
    "comparison] < -> <= in: WHERE subreddit_id = job.subreddit_id AND id < job.id": (
        "the job itself has not finished"
    ),
    "shared/crawljobs/repository/queue/maintenance/job_aging.py::_AGE [SQL comparison] > -> >= "
    "in: AND (queued_at, id) > (": ("the last job of the previous chunk has its new priority"),
    "shared/crawljobs/repository/queue/maintenance/job_aging.py::_AGE [SQL constant] 0 -> 1 "
    "in: coalesce(CAST(:last_id AS bigint), 0))": (
        "every time is later than -infinity, so the id is not compared"
    ),
    "shared/crawljobs/repository/queue/maintenance/job_aging.py::_AGE [SQL constant] 1 -> 2 "
    "in: FROM aged ORDER BY queued_at DESC, id DESC LIMIT 1": ("only the first row is read"),
    "shared/crawljobs/repository/queue/maintenance/job_pruning.py::_PRUNE [SQL constant] 1 -> "
    "2 in: SELECT id FROM crawl_job_attempts WHERE job_id = old.id LIMIT :at_most + 1": (
        "the whole query reads no more rows either way"
    ),
    "shared/crawljobs/repository/queue/maintenance/job_pruning.py::_PRUNE [SQL constant] 1 -> "
    "2 in: (SELECT place FROM found WHERE number > :at_most), :at_most + 1)": (
        "all old jobs have a smaller place either way"
    ),
    "shared/crawljobs/repository/queue/maintenance/count_merging.py::_merged [swapped "
    "arguments] _change.status, _change.change -> _change.change, _change.status in: "
    ".returning(_change.status, _change.change)": ("the columns are read by their names"),
    "shared/crawljobs/repository/queue/maintenance/clock_setbacks.py::_BUDGETS [SQL "
    "comparison] > -> >= in: last_throttled_at = CASE WHEN last_throttled_at > {NOW}": (
        "the time is replaced by itself"
    ),
    "services/admin_api/server/arriving_request.py::ArrivingRequest.__init__ [removed "
    "assignment] self._body_since = 0.0 -> pass in: self._body_since = 0.0": (
        "the end of the head sets it before it is read"
    ),
    "services/admin_api/server/arriving_request.py::ArrivingRequest.__init__ [constant] "
    "0.0 -> (0.0 * 2 + 0.1) in: self._body_since = 0.0": (
        "the end of the head sets it before it is read"
    ),
    "services/admin_api/server/arriving_request.py::ArrivingRequest.__init__ [removed "
    "assignment] self._head_end = 0 -> pass in: self._head_end = 0": (
        "the end of the head sets it before it is read"
    ),
    "services/admin_api/server/arriving_request.py::ArrivingRequest.__init__ [constant] 0 "
    "-> (0 + 1) in: self._head_end = 0": "the end of the head sets it before it is read",
    "services/admin_api/server/arriving_request.py::ArrivingRequest.waits_to_send "
    '[constant] 2 -> (2 + 1) in: is_http_1_1 = self.received[: self.received.find(b"\\r\\n", '
    '2)].endswith(b" HTTP/1.1")': "no line of a request ends within its first three bytes",
    "services/admin_api/server/arriving_request.py::ArrivingRequest.waits_to_send "
    '[constant] 2 -> (2 - 1) in: is_http_1_1 = self.received[: self.received.find(b"\\r\\n", '
    '2)].endswith(b" HTTP/1.1")': "no line of a request ends within its first three bytes",
    "services/admin_api/server/arriving_request.py::ArrivingRequest._find_end_of_head "
    '[constant] 3 -> (3 + 1) in: end = self.received.find(b"\\r\\n\\r\\n", max(begin, before - '
    "3))": "the search begins a byte earlier and finds the same",
    "services/admin_api/server/arriving_request.py::ArrivingRequest._find_end_of_head "
    "[comparison] >= -> > in: if end >= 0:": "a head does not begin with its end",
    "services/admin_api/server/arriving_request.py::ArrivingRequest._find_end_of_head "
    "[constant] 0 -> (0 + 1) in: if end >= 0:": "a head does not begin with its end",
    "services/admin_api/server/arriving_body.py::Chunks.__init__ [removed assignment] "
    "self.is_too_large = False -> pass in: self.is_too_large = False": (
        "each search sets it before it is read"
    ),
    "services/admin_api/server/arriving_body.py::Chunks.__init__ [constant] False -> True "
    "in: self.is_too_large = False": "each search sets it before it is read",
    "services/admin_api/server/arriving_body.py::Chunks._find [comparison] >= -> > in: if "
    "(end if end >= 0 else len(received)) - self._place > _LINE_BYTES:": (
        "a head comes before each body, so no line ends at 0"
    ),
    "services/admin_api/server/arriving_body.py::Chunks._find [constant] 0 -> (0 + 1) in: "
    "if (end if end >= 0 else len(received)) - self._place > _LINE_BYTES:": (
        "a head comes before each body, so no line ends at 0"
    ),
    "services/admin_api/server/arriving_body.py::Chunks._find [comparison] < -> <= in: if "
    "end < 0:": "a head comes before each body, so no line ends at 0",
    "services/admin_api/server/arriving_body.py::Chunks._find [constant] 0 -> (0 + 1) in: "
    "if end < 0:": "a head comes before each body, so no line ends at 0",
    "services/admin_api/server/arriving_body.py::Chunks._find [removed assignment] "
    "self._searched = max(self._place, len(received) - 1) -> pass in: self._searched = "
    "max(self._place, len(received) - 1)": "only spares another search of the same line",
    "services/admin_api/server/arriving_body.py::Chunks._find [opposite function] max -> "
    "min in: self._searched = max(self._place, len(received) - 1)": (
        "only spares another search of the same line"
    ),
    "services/admin_api/server/arriving_body.py::Chunks._find [constant] 1 -> (1 + 1) in: "
    "self._searched = max(self._place, len(received) - 1)": (
        "the search begins a byte earlier and finds the same"
    ),
    "services/admin_api/server/arriving_body.py::Chunks._take_size [constant] 0 -> (0 + 1) "
    "in: length = int(size[1], 16) if size else 0": "a line without a size makes the end unclear",
    "services/admin_api/server/gunicorn_worker.py::GunicornWorker.keep [constant] False -> "
    "True in: conn.sock.setblocking(False)": "the loop sets it again before it reads",
    "services/admin_api/server/gunicorn_worker.py::GunicornWorker.unregister [swapped "
    "arguments] OSError, KeyError -> KeyError, OSError in: with "
    "contextlib.suppress(OSError, KeyError, ValueError):": (
        "the order of the errors does not matter"
    ),
    "services/admin_api/server/gunicorn_worker.py::GunicornWorker.unregister [swapped "
    "arguments] KeyError, ValueError -> ValueError, KeyError in: with "
    "contextlib.suppress(OSError, KeyError, ValueError):": (
        "the order of the errors does not matter"
    ),
    "services/admin_api/server/allocator.py::bound [swapped arguments] OSError, "
    "AttributeError -> AttributeError, OSError in: with contextlib.suppress(OSError, "
    "AttributeError):": "the order of the errors does not matter",
    "services/admin_api/server/gunicorn_worker.py::GunicornWorker._open [constant] False "
    "-> True in: self.collect(conn, is_readable=False)": "without bytes, a read changes nothing",
    "services/admin_api/server/gunicorn_worker.py::GunicornWorker.handle_request [removed "
    'raise] raise BrokenPipeError(errno.EPIPE, "the client did not read the response") '
    'from error -> pass in: raise BrokenPipeError(errno.EPIPE, "the client did not read '
    'the response") from error': "gunicorn closes the connection in the same way",
    "services/admin_api/server/worker.py::Worker.__init__ [constant] 0.0 -> (0.0 * 2 + "
    "0.1) in: self._swept_at = 0.0": "the first check comes later than either",
    "services/admin_api/server/worker.py::Worker.check_deadlines [comparison] < -> <= in: "
    "if now - self._swept_at < SWEEP_SECONDS:": (
        "two times of the clock never differ by exactly this"
    ),
    "services/admin_api/server/worker.py::Worker.make_room [comparison] < -> <= in: if "
    "kept is not None and (arriving is None or kept.waits_since < arriving.waits_since):": (
        "of two that waited equally long, either may close"
    ),
    "services/admin_api/server/leaving_connections.py::LeavingConnections.add [removed "
    "call] conn.sock.setblocking(False) -> pass in: conn.sock.setblocking(False)": (
        "the loop reads only when bytes have arrived"
    ),
    "services/admin_api/server/leaving_connections.py::LeavingConnections.add [constant] "
    "False -> True in: conn.sock.setblocking(False)": (
        "the loop reads only when bytes have arrived"
    ),
    "services/admin_api/server/arriving_connections.py::ArrivingConnections.add [constant] "
    "False -> True in: conn.sock.setblocking(False)": (
        "the loop reads only when bytes have arrived"
    ),
    "services/admin_api/server/leaving_connections.py::LeavingConnections.add [constant] 0 "
    "-> (0 + 1) in: self._discarded[conn] = 0": "a byte of 16 MiB",
    "services/admin_api/server/leaving_connections.py::LeavingConnections._discard "
    "[comparison] > -> >= in: if not piece or self._discarded[conn] > LINGER_BYTES:": (
        "a byte of 16 MiB"
    ),
    "services/admin_api/server/connection.py::Connection.__init__ [removed assignment] "
    "self.arrived_at = 0.0 -> pass in: self.arrived_at = 0.0": (
        "each request sets it before a thread reads it"
    ),
    "services/admin_api/server/connection.py::Connection.__init__ [constant] 0.0 -> (0.0 * "
    "2 + 0.1) in: self.arrived_at = 0.0": "each request sets it before a thread reads it",
    "services/admin_api/server/connection.py::Connection.__init__ [constant] 0.0 -> (0.0 * "
    "2 + 0.1) in: self.waits_since = 0.0": (
        "each connection gets its time before it is compared with others"
    ),
    "services/admin_api/server/connection.py::Connection.init [removed assignment] "
    "self.arriving.received = bytearray() -> pass in: self.arriving.received = bytearray()": (
        "only frees memory while the thread works"
    ),
    "services/admin_api/server/metrics_server.py::_has_content [constant] 0 -> (0 + 1) in: "
    "return file.stat().st_size > 0": "a file that is not empty has more than one byte",
    "services/admin_api/server/metrics_server.py::forget [removed call] _running.clear() "
    "-> pass in: _running.clear()": "a process calls this once",
    "services/admin_api/gunicorn_conf.py::_probes [and/or] and -> or in: _probes = "
    "probe_socket.socket_in(_folder) if _probed_at and _folder else None": (
        "both are there, or neither"
    ),
    "services/admin_api/gunicorn_conf.py::when_ready [and/or] or -> and in: if _probed_at "
    "is None or _folder is None:": "both are there, or neither",
    "services/admin_api/gunicorn_conf.py::_refuse_unusable_database [constant] 1 -> (1 + "
    "1) in: address.url, pool_size=1, application_name=NAME, pooled=address.pooled, "
    "limits=limits": "one connection is used",
    "services/admin_api/gunicorn_conf.py::on_starting [removed call] "
    'importlib.import_module("admin_api.app") -> pass in: '
    'importlib.import_module("admin_api.app")': "only lets the processes share memory",
    "services/admin_api/gunicorn_conf.py::on_starting [removed call] gc.freeze() -> pass "
    "in: gc.freeze()": "only lets the processes share memory",
    "services/admin_api/gunicorn_conf.py::on_exit [constant] True -> False in: "
    "shutil.rmtree(_folder, ignore_errors=True)": (
        "only another program can remove the folder before"
    ),
    "services/admin_api/http/audit_refusals.py::_write [constant] True -> False in: "
    "problem = response.get_json(silent=True) or {}": "each of these responses holds valid JSON",
    "services/admin_api/http/refusal_counts.py::RefusalCounts.opens_window [swapped "
    "arguments] now, now -> now, now in: before = window.count or RefusalCount(key, actor, "
    "status, 0, now, now)": "both are the same",
    "services/admin_api/http/quotas.py::StoredResponses.seconds_until_room [comparison] > "
    "-> >= in: return missing / self._per_day * DAY_SECONDS if self._per_day and missing > "
    "0 else 0.0": "0 seconds either way",
    "services/admin_api/http/problems.py::respond_to_http_exception [constant] 500 -> (500 "
    "+ 1) in: status = error.code or 500": "every exception that Werkzeug raises has a code",
    "services/admin_api/http/request/request_body.py::_chunks [constant] False -> True in: "
    'ends_by_itself = environ.get("wsgi.input_terminated", False)': "gunicorn always sets it",
    "services/admin_api/http/request/request_body.py::_chunks [constant] 1 -> (1 + 1) in: "
    "left = (most + 1 if ends_by_itself else 0) if announced is None else announced": (
        "either is more than allowed"
    ),
    "services/admin_api/http/request/request_body.py::_chunks [constant] 0 -> (0 + 1) in: "
    "left = (most + 1 if ends_by_itself else 0) if announced is None else announced": (
        "a request without a body has no byte"
    ),
    "services/admin_api/http/request/request_body.py::_chunks [opposite function] min -> "
    'max in: chunk = environ["wsgi.input"].read(min(_CHUNK_BYTES, left))': (
        "the body ends at its own length"
    ),
    "services/admin_api/http/request/request_body.py::refuse_large [constant] 0 -> (0 + 1) "
    "in: if (flask.request.content_length or 0) > most:": "the limit is larger than either",
    "services/admin_api/http/request/json_bounds.py::check [comparison] <= -> < in: if "
    "_at_most(text) <= values_max and _openings(text) <= DEPTH_MAX:": (
        "a text at the limit is counted exactly afterwards"
    ),
    "services/admin_api/http/request/json_bounds.py::_check_depth [comparison] > -> >= in: "
    "if opened > values_max:": "only refuses a text earlier",
    "services/admin_api/http/request/json_bounds.py::_check_depth [removed raise] raise "
    "_too_many(values_max) -> pass in: raise _too_many(values_max)": "only refuses a text earlier",
    "shared/crawljobs/domain/job_progress.py::_forecast [constant] 0.0 -> (0.0 * 2 + 0.1) in: "
    "return None, 0.0": "without a total, the pace is not used",
    "shared/crawljobs/domain/job_progress.py::_forecast [constant] 0.0 -> (0.0 * 2 + 0.1) in: "
    "return (total, float(pace)) if math.isfinite(pace) and pace >= 0 else (None, 0.0)": (
        "without a total, the pace is not used"
    ),
    "shared/crawljobs/domain/job_progress.py::_count [comparison] > -> >= in: return value if "
    "isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0": (
        "the result of 0 is 0 either way"
    ),
    "shared/crawljobs/domain/schedule_edit.py::edited [swapped arguments] spec.cron_expression, "
    "before.cron_expression -> before.cron_expression, spec.cron_expression in: "
    "if _same_text(spec.cron_expression, before.cron_expression):": ("the comparison is symmetric"),
    "shared/crawljobs/domain/schedule_edit.py::overdue [swapped arguments] due.due_at, due.due_at "
    "-> due.due_at, due.due_at in: return (*due.missed, Ticks(due.due_at, due.due_at, 1))": (
        "both arguments are the same"
    ),
    "shared/crawljobs/domain/schedule.py::_missed [swapped arguments] tick, tick -> tick, tick in: "
    "missed.append(Ticks(tick, tick, 1))": "both arguments are the same",
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/parked_jobs.py::_SETTLE [SQL constant] 1 -> 2 "
                "in: LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/job_enqueue_sql.py::_ASKED [SQL constant] 1 -> "
                "2 in: FROM subreddits WHERE lower(name) = key LIMIT 1"
            ),
            (
                "shared/crawljobs/repository/queue/job_enqueue_sql.py::_SEEN [SQL constant] 1 -> 2 "
                "in: WHERE subreddit_id = known_id AND status IN {LIVE} LIMIT 1"
            ),
        ),
        "there is at most one such row",
    ),
    "shared/crawljobs/repository/queue/parked_jobs.py::_FREE_FROM_REDDIT [SQL removed term] "
    "AND wait_reason ->  in: WHERE status = 'waiting' AND wait_reason IN {DERIVED}": (
        "another condition implies it; it is there for an index"
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/queue_pauses.py::_PAUSES [swapped arguments] "
                "_pause.reason, _pause.until -> _pause.until, _pause.reason in: _pause.reason,"
            ),
            (
                "shared/crawljobs/repository/queue/queue_pauses.py::_PAUSES [swapped arguments] "
                "_pause.until, _pause.paused_by -> _pause.paused_by, _pause.until in: _pause.until,"
            ),
            (
                "shared/crawljobs/repository/queue/queue_pauses.py::_PAUSES [swapped arguments] "
                "_pause.paused_by, _pause.paused_at -> _pause.paused_at, _pause.paused_by in: "
                "_pause.paused_by,"
            ),
            (
                "shared/crawljobs/repository/schedules/schedule_ledger.py::_LIST [swapped "
                "arguments] _run.outcome, _run.job_id -> _run.job_id, _run.outcome in: "
                "_run.outcome,"
            ),
            (
                "shared/crawljobs/repository/schedules/schedule_ledger.py::_LIST [swapped "
                "arguments] _run.job_id, _run.manual -> _run.manual, _run.job_id in: _run.job_id,"
            ),
            (
                "shared/crawljobs/repository/schedules/schedule_ledger.py::_RECORD_RUNS [swapped "
                "arguments] _run.scheduled_job_id, _run.due_at -> _run.due_at, "
                "_run.scheduled_job_id in: .returning(_run.scheduled_job_id, _run.due_at)"
            ),
            (
                "shared/crawljobs/repository/schedules/schedule_quota.py::_recent [swapped "
                "arguments] _job.c.subreddit_id, _job.c.status -> _job.c.status, "
                "_job.c.subreddit_id in: _job.c.subreddit_id,"
            ),
        ),
        "the columns are read by their names",
    ),
    "shared/crawljobs/repository/schedules/schedule_ledger.py::_LIST [comparison] < -> <= in: "
    "_run.due_at < _before,": ("the bounded time is compared as well"),
    "shared/crawljobs/repository/queue/job_enqueue_sql.py::_HINT [SQL order] DESC ->  in: "
    "ORDER BY priority DESC, created_at, id LIMIT 1": ("any row of the table will do"),
    "shared/crawljobs/repository/queue/job_enqueue_sql.py::_OF_UNKNOWN [SQL removed term] AND "
    'is_new ->  in: FROM made JOIN asked ON key COLLATE "C" = made_key COLLATE "C" AND is_new': (
        "only new names are inserted"
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/job_enqueue_sql.py::_OF_UNKNOWN [SQL removed "
                "term] WHERE is_new AND -> WHERE in: SELECT name, origin, depth FROM asked WHERE "
                "is_new AND (SELECT count(*) FROM merged) >= 0"
            ),
            (
                "shared/crawljobs/repository/queue/job_enqueue_sql.py::_OF_UNKNOWN [SQL and/or] "
                "AND -> OR in: SELECT name, origin, depth FROM asked WHERE is_new AND (SELECT "
                "count(*) FROM merged) >= 0"
            ),
        ),
        "a stored name conflicts, and then nothing is inserted",
    ),
    "shared/crawljobs/repository/queue/enqueue_asks.py::waves [constant] 1 -> (1 + 1) in: "
    "requested[key] += 1": ("the groups only need different keys"),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/job_counts.py::_live [constant] 1 -> (1 + 1) "
                'in: jobs = select(inline_number(1).label("one")).where(_job.status == '
                "inline(status))"
            ),
            (
                "shared/crawljobs/repository/queue/job_counts.py::_queued [swapped arguments] "
                "_job.created_at, _job.id -> _job.id, _job.created_at in: "
                ".order_by(_job.priority.desc(), _job.created_at, _job.id)"
            ),
            (
                "shared/crawljobs/repository/queue/job_explain.py::_queued [constant] 1 -> (1 + 1) "
                'in: _queued = select(inline_number(1).label("one")).where(_job.status == '
                'inline("queued"))'
            ),
            (
                "shared/crawljobs/repository/schedules/ledger_pruning.py::_PRUNE_DELETED [SQL "
                "constant] 1 -> 2 in: WHERE NOT EXISTS (SELECT 1 FROM scheduled_jobs WHERE id = "
                "seen.id)"
            ),
            (
                "shared/crawljobs/repository/schedules/ledger_pruning.py::_PRUNE_DELETED [SQL "
                "constant] 1 -> 2 in: RETURNING 1"
            ),
        ),
        "only the number of rows counts",
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/queue/job_counts.py::_queued [constant] 1 -> (1 + 1) "
                "in: .limit(inline_number(COUNT_MAX + 1))"
            ),
            (
                "shared/crawljobs/repository/queue/job_explain.py::_higher [constant] 1 -> (1 + 1) "
                "in: _higher = count_up_to(COUNT_MAX + 1, _queued.where(_job.priority > _PRIORITY))"
            ),
            (
                "shared/crawljobs/repository/queue/job_explain.py::_older [constant] 1 -> (1 + 1) "
                "in: COUNT_MAX + 1,"
            ),
        ),
        "a count above the maximum is shown as the maximum",
    ),
    "shared/crawljobs/repository/queue/job_stats.py::_each_oldest [comparison] < -> <= in: "
    "_first_queued(_job.priority < _job.priority_ceiling),": (
        "a job in both ranges is the oldest of both"
    ),
    "shared/crawljobs/repository/schedules/schedule_changes.py::create_schedule [constant] 0 "
    "-> (0 + 1) in: made = schedule_edit.first(order, schedule_id=0, now=at)": (
        "a spread due time is computed again with the id"
    ),
    "shared/crawljobs/repository/schedules/schedule_changes.py::create_schedule [and/or] and "
    "-> or in: if order.spread_seconds and order.enabled:": (
        "the same due time is then written again"
    ),
    "shared/crawljobs/repository/schedules/schedule_changes.py::_hinted [removed raise] raise "
    'AssertionError("the row is locked by this transaction") -> pass in: raise '
    'AssertionError("the row is locked by this transaction")': (
        "the transaction has locked the row, so the schedule exists"
    ),
    "shared/crawljobs/repository/schedules/manual_run.py::run_now [removed call] "
    "names.checked_name(schedule.subreddit) -> pass in: names.checked_name(schedule.subreddit)": (
        "the enqueue checks the name too"
    ),
    "shared/crawljobs/repository/queue/job_list.py::list_jobs [constant] 1 -> (1 + 1) in: "
    "limit + 1,": ("one more job is read, and not shown"),
    "shared/crawljobs/repository/schedules/ledger_pruning.py::_PRUNE_DELETED [SQL removed "
    "term] WHERE id IS NOT NULL AND -> WHERE in: FROM seen WHERE id IS NOT NULL AND place < "
    ":scan_limit": ("a row without an id finds no further schedule"),
    **{
        f"services/crawler_worker/claims/{thread} in: {line}": (
            "the process ends by os._exit, which waits for no thread"
        )
        for thread, line in (
            (
                "lease_keeper.py::LeaseKeeper.__init__ [constant] True -> False",
                'super().__init__(name="lease-keeper", daemon=True)',
            ),
            (
                "completion_writer.py::CompletionWriter.__init__ [constant] True -> False",
                (
                    "self._thread = threading.Thread(target=self._run, "
                    'name="completion-writer", daemon=True)'
                ),
            ),
            (
                "crawl_threads.py::CrawlThreads.start [constant] True -> False",
                "threading.Thread(target=self._run, name=name, daemon=True).start()",
            ),
        )
    },
    "services/crawler_worker/claims/lease_keeper.py::LeaseKeeper.stop [removed call] "
    'os.write(self._wake_write, b"x") -> pass in: os.write(self._wake_write, b"x")': (
        "the thread ends at its next turn, and the process does not wait for it"
    ),
    "services/crawler_worker/claims/lease_keeper.py::LeaseKeeper._serve [constant] 63 -> (63 + 1) "
    'in: application_name=f"crawljobs {self._worker} keeper"[:63],': (
        "Postgres cuts the name at 63 characters"
    ),
    **{
        f"services/crawler_worker/claims/worker.py::Worker.run {change}": reason
        for change, reason in (
            (
                "[removed continue] continue -> pass in: continue",
                "a short pause follows a claim, and the end of a crawl ends the pause",
            ),
            (
                "[arithmetic] - -> + in: spread = jitter.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)",
                "the spread lies around 1 either way",
            ),
            (
                "[arithmetic] + -> - in: spread = jitter.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)",
                "the spread lies around 1 either way",
            ),
            (
                "[arithmetic] * -> / in: self._wake.wait(poll_in * spread)",
                "the spread lies around 1 either way",
            ),
            (
                "[removed call] self.stop() -> pass in: self.stop()",
                "the drain interrupts each crawl itself",
            ),
        )
    },
    "services/crawler_worker/claims/worker.py::Worker._release_unanswered [comparison] > -> >= "
    "in: if time.monotonic() > until:": "the two times are never equal",
    **{
        f"services/crawler_worker/claims/crawl_threads.py::CrawlThreads._wake_one {change}": (
            "it only saves wake-ups: a thread without a claim sleeps again"
        )
        for change in (
            "[and/or] and -> or in: if self._waiting and self._idle and not self._waking:",
            "[removed assignment] self._waking = True -> pass in: self._waking = True",
            "[constant] True -> False in: self._waking = True",
        )
    },
    "services/crawler_worker/claims/crawl_threads.py::CrawlThreads._run [constant] 1 -> (1 + 1) "
    "in: self._threads -= 1": "after a crash, the pool has one thread more than it needs",
    "services/crawler_worker/claims/held_claim.py::HeldClaim.wait [comparison] >= -> > in: "
    "if now >= until:": "the wait ends a millisecond later",
    "services/crawler_worker/claims/held_claim.py::HeldClaim.wait [constant] 0.001 -> (0.001 * 2 "
    "+ 0.1) in: stop.wait(max(0.001, min(until, self._fence_at) - now))": (
        "the wait ends a tenth of a second later"
    ),
    **{
        f"services/crawler_worker/claims/claiming.py::Claiming.__init__ {change}": (
            "the first claim sets the number of skipped jobs to 0"
        )
        for change in (
            "[removed assignment] self._skip = 0 -> pass in: self._skip = 0",
            "[constant] 0 -> (0 + 1) in: self._skip = 0",
            "[constant] 0.0 -> (0.0 * 2 + 0.1) in: self._reset_skip_at = 0.0",
        )
    },
    "services/crawler_worker/claims/claiming.py::Claiming.claim [comparison] <= -> < in: "
    "if at_most <= 0:": "a statement that claims no job returns none",
    "services/crawler_worker/claims/pending_completion.py::PendingCompletion.due [constant] 0.0 -> "
    "(0.0 * 2 + 0.1) in: due: float = 0.0": "both times have passed",
    **{
        "services/crawler_worker/memory.py::M_MMAP_THRESHOLD [constant] "
        f"3 -> (3 {sign} 1) in: M_MMAP_THRESHOLD = -3": (
            "each of these parameters keeps glibc from raising its first threshold"
        )
        for sign in "+-"
    },
    **{
        f"services/crawler_worker/__main__.py::{call} -> pass in: {line}": reason
        for call, line, reason in (
            ("main [removed call] gc.freeze()", "gc.freeze()", "it only saves time"),
            (
                " [removed call] logging.shutdown()",
                "logging.shutdown()",
                "each line is written at once",
            ),
        )
    },
    "shared/crawljobs/repository/queue/maintenance/row_isolation.py::RowIsolation.__init__ "
    "[constant] 0 -> (0 + 1) in: self._passed_over = 0": ("the first run sets it to 0"),
}
# Beginnings of fingerprints: all mutants that begin so have the same reason.
ALIKE: dict[str, str] = {
    "shared/crawljobs/repository/operations/audit_entry.py::COLUMNS [constant] 1 ": (
        "the text is longer than the limit either way"
    ),
    "shared/crawljobs/repository/content/page_storage/item_upsert.py::rows_of [constant] False": (
        "Postgres refuses NaN in JSON too"
    ),
    "services/crawler_worker/maintenance/priority_aging.py::age [constant] 0": (
        "only the place of the first chunk is read"
    ),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/content/coverage.py::_RECORD [swapped arguments] "
                "_subreddit.next_crawl_at"
            ),
            (
                "shared/crawljobs/repository/content/coverage.py::_RECORD [swapped arguments] "
                "_subreddit.oldest_post_at"
            ),
            (
                "shared/crawljobs/repository/content/coverage.py::_RECORD [swapped arguments] "
                "_subreddit.oldest_comment_at"
            ),
            "shared/crawljobs/repository/reddit_api/reddit_budgets.py::_seen [swapped",
            "shared/crawljobs/repository/reddit_api/reddit_budgets.py::_LEARN [swapped",
            "shared/crawljobs/repository/reddit_api/reddit_outages.py::_PAUSE [swapped",
            "shared/crawljobs/repository/reddit_api/reddit_pauses.py::_PAUSE_LEFT [swapped",
            "shared/crawljobs/repository/reddit_api/reddit_pauses.py::_series_has_ended [swapped",
        ),
        "the largest or the smallest of two values does not depend on their order",
    ),
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/content/covered_items.py::_stored_below [swapped",
            "shared/crawljobs/repository/content/crawl_history.py::_BEFORE_CRAWL [swapped",
            "shared/crawljobs/repository/content/refreshes.py::_due [swapped",
            "shared/crawljobs/repository/paging.py::page_of [swapped",
            "shared/crawljobs/repository/content/subreddit_page.py::_WALK [swapped",
            "shared/crawljobs/repository/operations/frozen_sessions.py::_END [swapped",
            "shared/crawljobs/repository/operations/idempotency_keys.py::_FIND [swapped",
            "shared/crawljobs/repository/operations/service_instances.py::_LIST [swapped",
        ),
        "its columns are read by their names",
    ),
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/content/authors.py::_ENSURE [SQL constant] 1",
            "shared/crawljobs/repository/content/authors.py::ACTIVE [SQL constant] 1",
            "shared/crawljobs/repository/content/crawled_trees.py::_WANTING [SQL constant] 1",
            (
                "shared/crawljobs/repository/content/discovery_candidates.py::_CANDIDATES "
                "[SQL constant] 1"
            ),
            "shared/crawljobs/repository/content/stored_subreddits.py::_ENSURE [SQL constant] 1",
            "shared/crawljobs/repository/content/stored_subreddits.py::_UPSERT [SQL constant] 1",
        ),
        "the key is unique, so there is at most one row",
    ),
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/reddit_api/reddit_outages.py::_PAUSE [constant] 30",
            "shared/crawljobs/repository/reddit_api/reddit_pauses.py::_PAUSE [constant] 30",
            "shared/crawljobs/repository/reddit_api/token_turns.py::_POSTPONE [constant] 30",
            (
                "shared/crawljobs/repository/content/subreddit_access.py::_RECORD_ACCESS "
                "[SQL constant] 30"
            ),
        ),
        "the limit only prevents an overflow; the longest wait is reached much earlier",
    ),
    **dict.fromkeys(
        (
            (
                "services/crawler_worker/maintenance/chunked_sweeps.py::ChunkedSweeps.run "
                "[comparison]"
            ),
            (
                "services/crawler_worker/maintenance/clock_mending.py::ClockMending._mend "
                "[comparison] <="
            ),
            "services/crawler_worker/maintenance/rescuing.py::Rescuing._rescue_all [comparison]",
        ),
        "no two readings of the monotonic clock are equal",
    ),
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/operations/audit_page.py::_first_id_at [arithmetic] - ",
            "shared/crawljobs/repository/operations/audit_page.py::_first_id_at [constant] 63",
            "shared/crawljobs/repository/operations/audit_page.py::_first_id_at [constant] 1 ",
        ),
        "the number is larger than any id",
    ),
    "shared/crawljobs/repository/operations/audit_page.py::_ID_RANGES [comparison] < ": (
        "the exact time is compared as well"
    ),
    "shared/crawljobs/repository/operations/audit_page.py::_first_id_at [swapped": (
        "the range of ids has a minute to spare"
    ),
    (
        "shared/crawljobs/repository/operations/audit_page.py::page_statement [comparison] "
        '== -> != in: if walked == ("request_id"'
    ): ("OFFSET 0 only changes the plan"),
    **dict.fromkeys(
        (
            (
                "shared/crawljobs/repository/operations/audit_log.py::list_entries "
                "[constant] 1 -> (1 + 1) in: tuple(given)"
            ),
            (
                "shared/crawljobs/repository/content/subreddit_admin.py::list_subreddits "
                '[constant] 1 -> (1 + 1) in: "limit"'
            ),
        ),
        "the page is cut at its own limit",
    ),
    "shared/crawljobs/repository/paging.py::page_of [comparison] <": (
        "a full page continues after its last row, not at the end of the scan"
    ),
    "shared/crawljobs/repository/operations/idempotency_keys.py::_TAKE [constant] 0": (
        "any seed will do"
    ),
    (
        "shared/crawljobs/repository/content/crawled_trees.py::_wanted [SQL least/greatest] "
        "least -> greatest in: SELECT FROM comments"
    ): ("the count is compared with the smaller number anyway"),
    "shared/crawljobs/repository/content/crawled_trees.py::_RECOUNT [SQL order] id ": (
        "the statement waits for no row that another transaction has locked"
    ),
    "shared/crawljobs/repository/content/missing_parts.py::_delete_other_page [opposite": (
        "a listing has at most one missing part"
    ),
    "shared/crawljobs/repository/reddit_api/reply_failures.py::_opens [constant] 32": (
        "the remembered replies take 20 bits"
    ),
    "shared/crawljobs/repository/reddit_api/token_turns.py::postpone [constant] 0.0": (
        "the shortest wait is some seconds"
    ),
    **dict.fromkeys(
        (
            (
                "services/crawler_worker/maintenance/pruning.py::_Jobs.__init__ [removed "
                "assignment] self._in_chunk"
            ),
            (
                "services/crawler_worker/maintenance/pruning.py::_Jobs.__init__ [constant] 0 "
                "-> (0 + 1) in: self._in_chunk"
            ),
            (
                "services/crawler_worker/maintenance/pruning.py::_Orphans.__init__ [removed "
                "assignment] self.more"
            ),
            "services/crawler_worker/maintenance/pruning.py::_Orphans.__init__ [constant] True",
        ),
        "each chunk sets the value before it is read",
    ),
    "services/crawler_worker/maintenance/pruning.py::_Jobs.__call__ [constant] 1 -> (1 + 1)": (
        "any number below that of a full chunk ends the sweep"
    ),
    (
        "shared/crawljobs/repository/content/page_storage/crawled_edges.py::count_ctes [SQL "
        "order] author_id"
    ): ("any order that all transactions share will do"),
    "shared/crawljobs/repository/gauge_query.py::_schedules [constant] 1": (
        "only the number of rows is read"
    ),
    "shared/crawljobs/repository/sql.py::CLOCK [constant] True": (
        "only avoids a warning about a join without a condition"
    ),
    "shared/crawljobs/repository/sql.py::_item_type [removed raise]": (
        "each caller passes an array; anything else fails either way"
    ),
    "services/crawler_worker/reddit/pacing/pause_reports.py::PauseLog.__init__ "
    "[constant] 0.0 -> (0.0 * 2 + 0.1) in: self._logged_until = 0.0": (
        "either lies before each time of the monotonic clock"
    ),
    "services/crawler_worker/reddit/exchange/sockets.py::_TlsSocket.do_handshake "
    "[constant] False -> True in: def do_handshake(self, block: bool = False) -> "
    "None:": ("a timeout is never 0, so `block` changes nothing"),
    "services/crawler_worker/reddit/exchange/sockets.py::connect [constant] 1 -> (1 +"
    " 1) in: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)": (
        "every number but 0 sets the option"
    ),
    "services/crawler_worker/reddit/exchange/sockets.py::connect [removed call] "
    "sock.close() -> pass in: sock.close()": ("a socket without a reference closes itself"),
    "services/crawler_worker/reddit/pacing/limiter.py::_too_late [constant] 0.0 -> "
    "(0.0 * 2 + 0.1) in: pause = jitter.uniform(*BACKGROUND_PAUSE_SECONDS) if "
    "in_background else 0.0": ("the slot is further away than either"),
    "services/crawler_worker/reddit/oauth/token.py::TokenSource.__init__ [removed "
    "assignment] self._expires_at = 0.0 -> pass in: self._expires_at = 0.0": (
        "without a token the time is not read"
    ),
    "services/crawler_worker/reddit/oauth/token.py::TokenSource.__init__ [constant] "
    "0.0 -> (0.0 * 2 + 0.1) in: self._expires_at = 0.0": ("without a token the time is not read"),
    "services/crawler_worker/reddit/oauth/token.py::TokenSource.__init__ [constant] "
    "0.0 -> (0.0 * 2 + 0.1) in: self._refused_until = 0.0": (
        "either lies before each time of the monotonic clock"
    ),
    "services/crawler_worker/reddit/oauth/token.py::TokenSource.__init__ [removed "
    'assignment] self._refusal = "" -> pass in: self._refusal = ""': (
        "the text is set together with the time before which it is read"
    ),
    "services/crawler_worker/reddit/crawl_failures.py::UpstreamTrouble.__init__ "
    "[removed call] super().__init__(message) -> pass in: super().__init__(message)": (
        "`__new__` of the exception keeps the message too"
    ),
    "services/crawler_worker/reddit/crawl_failures.py::Deferred.__init__ [removed "
    "call] super().__init__(message) -> pass in: super().__init__(message)": (
        "`__new__` of the exception keeps the message too"
    ),
    "services/crawler_worker/reddit/exchange/decoding.py::_has_too_many_values "
    '[comparison] <= -> < in: if text.count(",") + text.count("[") + text.count("{") '
    "<= VALUES_MAX:": ("the slower search gives the same answer"),
    "services/crawler_worker/reddit/exchange/reply_body.py::_pieces [constant] 1 -> "
    "(1 + 1) in: piece = unpack.decompress(piece, most - size + 1)": (
        "one byte beyond the limit is refused, and two are"
    ),
    "services/crawler_worker/reddit/exchange/transfer.py::CLIENT_ERRORS [constant] "
    "400 -> (400 - 1) in: CLIENT_ERRORS = 400": ("no reply has the status 399"),
    **{
        f"services/crawler_worker/claims/{thread} in: {line}": (
            "the process ends by os._exit, which waits for no thread"
        )
        for thread, line in (
            (
                "lease_keeper.py::LeaseKeeper.__init__ [constant] True -> False",
                'super().__init__(name="lease-keeper", daemon=True)',
            ),
            (
                "completion_writer.py::CompletionWriter.__init__ [constant] True -> False",
                (
                    "self._thread = threading.Thread(target=self._run, "
                    'name="completion-writer", daemon=True)'
                ),
            ),
            (
                "crawl_threads.py::CrawlThreads.start [constant] True -> False",
                "threading.Thread(target=self._run, name=name, daemon=True).start()",
            ),
        )
    },
    "services/crawler_worker/claims/lease_keeper.py::LeaseKeeper.stop [removed call] "
    'os.write(self._wake_write, b"x") -> pass in: os.write(self._wake_write, b"x")': (
        "the thread ends at its next turn, and the process does not wait for it"
    ),
    "services/crawler_worker/claims/lease_keeper.py::LeaseKeeper._serve [constant] 63 -> (63 + 1) "
    'in: application_name=f"crawljobs {self._worker} keeper"[:63],': (
        "Postgres cuts the name at 63 characters"
    ),
    **{
        f"services/crawler_worker/claims/worker.py::Worker.run {change}": reason
        for change, reason in (
            (
                "[removed continue] continue -> pass in: continue",
                "a short pause follows a claim, and the end of a crawl ends the pause",
            ),
            (
                "[arithmetic] - -> + in: spread = jitter.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)",
                "the spread lies around 1 either way",
            ),
            (
                "[arithmetic] + -> - in: spread = jitter.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)",
                "the spread lies around 1 either way",
            ),
            (
                "[arithmetic] * -> / in: self._wake.wait(poll_in * spread)",
                "the spread lies around 1 either way",
            ),
            (
                "[removed call] self.stop() -> pass in: self.stop()",
                "the drain interrupts each crawl itself",
            ),
        )
    },
    "services/crawler_worker/claims/worker.py::Worker._release_unanswered [comparison] > -> >= "
    "in: if time.monotonic() > until:": "the two times are never equal",
    **{
        f"services/crawler_worker/claims/crawl_threads.py::CrawlThreads._wake_one {change}": (
            "it only saves wake-ups: a thread without a claim sleeps again"
        )
        for change in (
            "[and/or] and -> or in: if self._waiting and self._idle and not self._waking:",
            "[removed assignment] self._waking = True -> pass in: self._waking = True",
            "[constant] True -> False in: self._waking = True",
        )
    },
    "services/crawler_worker/claims/crawl_threads.py::CrawlThreads._run [constant] 1 -> (1 + 1) "
    "in: self._threads -= 1": "after a crash, the pool has one thread more than it needs",
    "services/crawler_worker/claims/held_claim.py::HeldClaim.wait [comparison] >= -> > in: "
    "if now >= until:": "the wait ends a millisecond later",
    "services/crawler_worker/claims/held_claim.py::HeldClaim.wait [constant] 0.001 -> (0.001 * 2 "
    "+ 0.1) in: stop.wait(max(0.001, min(until, self._fence_at) - now))": (
        "the wait ends a tenth of a second later"
    ),
    **{
        f"services/crawler_worker/claims/claiming.py::Claiming.__init__ {change}": (
            "the first claim sets the number of skipped jobs to 0"
        )
        for change in (
            "[removed assignment] self._skip = 0 -> pass in: self._skip = 0",
            "[constant] 0 -> (0 + 1) in: self._skip = 0",
            "[constant] 0.0 -> (0.0 * 2 + 0.1) in: self._reset_skip_at = 0.0",
        )
    },
    "services/crawler_worker/claims/claiming.py::Claiming.claim [comparison] <= -> < in: "
    "if at_most <= 0:": "a statement that claims no job returns none",
    "services/crawler_worker/claims/pending_completion.py::PendingCompletion.due [constant] 0.0 -> "
    "(0.0 * 2 + 0.1) in: due: float = 0.0": "both times have passed",
    **{
        "services/crawler_worker/memory.py::M_MMAP_THRESHOLD [constant] "
        f"3 -> (3 {sign} 1) in: M_MMAP_THRESHOLD = -3": (
            "each of these parameters keeps glibc from raising its first threshold"
        )
        for sign in "+-"
    },
    **{
        f"services/crawler_worker/__main__.py::{call} -> pass in: {line}": reason
        for call, line, reason in (
            ("main [removed call] gc.freeze()", "gc.freeze()", "it only saves time"),
            (
                " [removed call] logging.shutdown()",
                "logging.shutdown()",
                "each line is written at once",
            ),
        )
    },
    "services/crawler_worker/reddit/exchange/transfer.py::_put_back [removed call] "
    "response.release_conn() -> pass in: response.release_conn()": (
        "a connection goes back after the last byte, and a closed one is replaced"
    ),
    "services/admin_api/http/request/request_deadline.py::_waited [constant] 0.0 -> "
    "(0.0 * 2 + 0.1) in: _waited: ContextVar[float] = "
    'ContextVar("waited", default=0.0)': "each request sets it before it is read",
    "services/admin_api/http/request/request_deadline.py::is_over_by_waiting [comparison] > -> >= "
    "in: return call_deadline.is_over() and _waited.get() > _WAIT_SHARE * SECONDS": (
        "two times of the clock never differ by exactly this"
    ),
    "services/admin_api/http/streaming.py::_pieces [comparison] >= -> > in: "
    "if len(piece) >= PIECE_BYTES:": "a piece may have one line more",
    "services/admin_api/http/streaming.py::PIECE_BYTES [arithmetic] * -> / in: "
    "PIECE_BYTES = 480 * 1024": "more pieces with fewer bytes",
}
# Numbers that were chosen for cost or speed, by `path::definition`. A slightly different value has
# the same effect, so no test checks the exact value.
TUNED: dict[str, str] = {
    "shared/crawljobs/domain/subreddit.py::LINK_MAX": "characters that are searched for a name",
    "shared/crawljobs/db/administration/audit_archive.py::CHUNK_ROWS": "rows of a transaction",
    "shared/crawljobs/db/administration/audit_archive.py::LOCK_SECONDS": "a short wait for a lock",
    "shared/crawljobs/db/administration/audit_archive.py::_digest": "rows that are read at once",
    "shared/crawljobs/db/administration/migration.py::PAUSE_MAX_SECONDS": "between two attempts",
    "shared/crawljobs/db/administration/migration.py::PAUSE_SECONDS": "between two attempts",
    "shared/crawljobs/db/administration/roles.py::PAUSE_SECONDS": "between two tries",
    "shared/crawljobs/db/administration/roles.py::TRIES": "enough for runs that cross",
    "shared/crawljobs/domain/revisit.py::RHYTHM_ITEMS": "posts of a sample",
    "shared/crawljobs/domain/revisit.py::RHYTHM_WITHIN": "the time of a sample",
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
    "services/crawler_worker/reddit/pacing/limiter.py::SCOUT_POLL_SECONDS": (
        "between two checks for the first reply"
    ),
    "services/crawler_worker/reddit/pacing/limiter.py::LONG_SLEEP_SECONDS": (
        "a pause seldom begins during so short a wait"
    ),
    "services/crawler_worker/reddit/exchange/sockets.py::CONNECT_SECONDS": (
        "longer than a good connection takes"
    ),
    "services/crawler_worker/reddit/exchange/sockets.py::RESOLVE_SECONDS": (
        "longer than a good look-up takes"
    ),
    "services/crawler_worker/reddit/exchange/sockets.py::READ_SECONDS": (
        "longer than a good reply pauses"
    ),
    "services/crawler_worker/reddit/exchange/sockets.py::ADDRESSES_MAX": ("more than a host has"),
    "services/crawler_worker/reddit/exchange/reply_body.py::LARGE_SECONDS": (
        "longer than a good reply takes"
    ),
    "services/crawler_worker/reddit/exchange/reply_body.py::PIECE_BYTES": (
        "bytes that are read at once"
    ),
    "services/crawler_worker/reddit/exchange/large_replies.py::LARGE_BYTES": (
        "memory of the replies that are read at once"
    ),
    "services/crawler_worker/reddit/exchange/large_replies.py::RESUME_SECONDS": (
        "until another crawl has stored its reply"
    ),
    "services/crawler_worker/reddit/exchange/transfer.py::EXCHANGE_SECONDS": (
        "longer than a good exchange takes"
    ),
    "services/crawler_worker/reddit/exchange/transfer.py::REPLY_MAX_BYTES": (
        "more than a good reply has"
    ),
    "services/crawler_worker/reddit/exchange/transfer.py::THREADS": ("connections that are kept"),
    "services/crawler_worker/reddit/exchange/decoding.py::DEPTH_MAX": (
        "deeper than a good reply nests"
    ),
    "services/crawler_worker/reddit/exchange/decoding.py::DIGITS_MAX": (
        "more than a number that is stored has"
    ),
    "services/crawler_worker/reddit/exchange/decoding.py::LARGE_BYTES": (
        "memory of the replies that are decoded at once"
    ),
    "services/crawler_worker/reddit/exchange/decoding.py::decode": (
        "characters of the reply that an error shows"
    ),
    "services/crawler_worker/reddit/exchange/transfer_failures.py::DETAIL_MAX": (
        "characters of a text that an error shows"
    ),
    "services/crawler_worker/reddit/exchange/reply_head.py::HEAD_MAX_BYTES": (
        "more than a good head has"
    ),
    "services/crawler_worker/reddit/exchange/reply_head.py::_LINE_MAX": (
        "more than a good line has"
    ),
    "services/crawler_worker/reddit/replies.py::REASON_SHOWN": (
        "characters of the reply that an error shows"
    ),
    "services/crawler_worker/reddit/oauth/token_endpoint.py::REPLY_MAX_BYTES": (
        "more than a good reply has"
    ),
    "services/crawler_worker/reddit/items/item_parsing.py::DEPTH_MAX": ("deeper than a tree is"),
    "services/admin_api/http/streaming.py::PIECE_BYTES": "bytes that are sent at once",
    "services/crawler_worker/claims/worker.py::POLL_MIN_SECONDS": "the first pause between polls",
    "services/crawler_worker/claims/worker.py::RELEASE_SECONDS": "limits the end of a stop",
    "services/crawler_worker/claims/worker.py::Worker.run": "factors of the pauses between polls",
    "services/crawler_worker/claims/lease_keeper.py::RECONNECT_SECONDS": "the first pause",
    "services/crawler_worker/claims/lease_keeper.py::RECONNECT_MAX_SECONDS": "the longest pause",
    "services/crawler_worker/worker_probes.py::readiness_of": "connections of the readiness check",
    "services/admin_api/resources/audit.py::EXPORT_BATCH": "entries that one transaction reads",
    "services/admin_api/resources/job_selection.py::JOBS_EXAMINED_MAX": "limits the time of a "
    "request",
    "services/admin_api/resources/job_bulk.py::_BY_IDS": "an example in the documentation",
    "services/admin_api/resources/schedule_runs.py::_EPOCH": "cursors count from this time, and "
    "any other time does as well",
    "services/scheduler/timetable.py::BATCH": "schedules in a transaction",
    "services/scheduler/hints.py::PING_SECONDS": "between two pings",
    "services/scheduler/hints.py::DEADLINE_SECONDS": "of a reply",
    "services/scheduler/passed_over.py::TRY_AGAIN_SECONDS": "between two tries of a schedule",
    "services/scheduler/passed_over.py::MOST": "skipped schedules that are kept",
    "services/scheduler/__main__.py::GRACE_SECONDS": "for a batch at the end",
    "services/scheduler/__main__.py::POOL_SIZE": "connections",
    "services/scheduler/scheduler_probes.py::database_of": "connections of the probes",
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/queue/parked_jobs.py::CHUNK",
            "shared/crawljobs/repository/queue/maintenance/job_maintenance.py::CHUNK",
            "shared/crawljobs/repository/queue/maintenance/clock_setbacks.py::CHUNK",
            "shared/crawljobs/repository/queue/maintenance/job_aging.py::CHUNK",
            "shared/crawljobs/repository/queue/maintenance/pause_parking.py::CHUNK",
            "shared/crawljobs/repository/queue/maintenance/job_pruning.py::CHUNK",
            "shared/crawljobs/repository/queue/maintenance/count_merging.py::CHUNK",
            "shared/crawljobs/repository/schedules/schedule_setbacks.py::CHUNK",
            "shared/crawljobs/repository/schedules/schedule_disabling.py::AT_MOST",
        ),
        "rows in a transaction",
    ),
    "shared/crawljobs/repository/queue/parked_jobs.py::SCAN_LIMIT": "rows that are checked",
    "shared/crawljobs/repository/queue/job_list.py::SCAN_LIMIT": "rows that a page checks",
    "shared/crawljobs/repository/queue/job_explain.py::PACE_SAMPLE": "attempts of a sample",
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/queue/job_explain.py::COUNT_MAX",
            "shared/crawljobs/repository/queue/job_counts.py::COUNT_MAX",
        ),
        "jobs that are counted",
    ),
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/queue/job_stats.py::SAMPLE",
            "shared/crawljobs/repository/schedules/schedule_quota.py::RECENT_JOBS",
        ),
        "jobs of a sample",
    ),
    **dict.fromkeys(
        (
            "shared/crawljobs/repository/queue/job_enqueue.py::RUNS_MAX",
            "shared/crawljobs/repository/queue/operator_changes.py::RACES_MAX",
        ),
        "tries among other transactions",
    ),
    "shared/crawljobs/repository/queue/job_enqueue.py::NAMES_SHOWN": "names in an error",
    "shared/crawljobs/repository/queue/maintenance/row_isolation.py::TRANSACTIONS_MAX": (
        "transactions in a run"
    ),
    "shared/crawljobs/repository/schedules/schedule_quota.py::PLAUSIBLE_REQUESTS_MAX": (
        "requests of one crawl"
    ),
    "services/admin_api/server/arriving_request.py::SMALL_READ_BYTES": "bytes of one copy",
    "services/admin_api/server/arriving_connections.py::PIECE_BYTES": "bytes that are read at once",
    "services/admin_api/server/leaving_connections.py::PIECE_BYTES": "bytes that are read at once",
    "services/admin_api/server/leaving_connections.py::LINGER_BYTES": "limits what is thrown away",
    "services/admin_api/server/connection.py::SEND_BUFFER_BYTES": "holds most responses",
    "services/admin_api/server/worker.py::SWEEP_SECONDS": "between two checks of the deadlines",
    "services/admin_api/gunicorn_conf.py::SWITCH_SECONDS": "between two turns of threads",
    "services/admin_api/gunicorn_conf.py::timeout": "until a process that hangs is killed",
    "services/admin_api/gunicorn_conf.py::graceful_timeout": "until a stopping process is killed",
    "services/admin_api/gunicorn_conf.py::keepalive": "until an idle connection is closed",
    "services/admin_api/gunicorn_conf.py::worker_connections": "fewer than the open files",
    "services/admin_api/http/quotas.py::TOKENS_MAX": "limits the memory",
    "services/admin_api/http/login_throttle.py::CLIENTS_MAX": "limits the memory",
    "services/admin_api/http/audit_refusals.py::PATH_MAX_CHARACTERS": "longer than any path",
    "services/admin_api/http/audit_refusals.py::CHECK_INTERVAL_SECONDS": "between two writes",
    "services/admin_api/http/audit_refusals.py::STOP_SECONDS": "longest wait for the last write",
    "services/admin_api/http/request/request_body.py::_CHUNK_BYTES": "bytes that are read at once",
    "shared/crawljobs/repository/content/authors.py::RECENT": "items whose authors are read",
    "shared/crawljobs/repository/content/discovery_candidates.py::AUTHORS_MAX": (
        "authors that are read"
    ),
    "shared/crawljobs/repository/content/discovery_candidates.py::EDGES_MAX": (
        "subreddits that are read for each author"
    ),
    "shared/crawljobs/repository/content/discovery_candidates.py::EVIDENCE_MAX": (
        "names that are read"
    ),
    "shared/crawljobs/repository/content/covered_items.py::SCAN_LIMIT": (
        "older items that are checked"
    ),
    "shared/crawljobs/repository/content/listing_gaps.py::GAPS_MAX": (
        "gaps that are kept for a subreddit"
    ),
    "shared/crawljobs/repository/content/revisits.py::CHUNK": "subreddits a transaction",
    "shared/crawljobs/repository/operations/audit_log.py::SCAN_LIMIT": "entries that a page reads",
    "shared/crawljobs/repository/reddit_api/budget_overview.py::CLIENTS_MAX": (
        "client ids that the overview shows"
    ),
    "shared/crawljobs/repository/gauges.py::SCHEDULES_MAX": "the counts of schedules stop there",
    "services/crawler_worker/maintenance/pruning.py::CHUNKS_MAX": "chunks a run",
    "services/crawler_worker/maintenance/refresher.py::TURN": "longer than a batch can take",
    "services/crawler_worker/maintenance/clock_mending.py::KIND_SECONDS": (
        "other sweeps of the thread wait as long"
    ),
    "services/crawler_worker/maintenance/requeueing.py::SWEEP_SECONDS": (
        "other sweeps of the thread wait as long"
    ),
    "services/crawler_worker/maintenance/rescuing.py::RESCUE_SECONDS": (
        "other sweeps of the thread wait as long"
    ),
    "shared/crawljobs/repository/schedules/schedule_changes.py::_duplicate": (
        "characters of the input that an error repeats"
    ),
    "shared/crawljobs/repository/queue/queue_pauses.py::list_pauses": (
        "pauses that are listed at most"
    ),
}


def reason(mutant: Mutant) -> str | None:
    """Return the reason why no test can notice this mutant, or None if a test could."""
    if mutant.rule == "constant":
        tuned = TUNED.get(f"{mutant.path}::{mutant.definition}")
        if tuned:
            return f"tuned: {tuned}"
    fingerprint = mutant.fingerprint()
    for beginning, why in ALIKE.items():
        if fingerprint.startswith(beginning):
            return why
    return EQUIVALENT.get(fingerprint)
