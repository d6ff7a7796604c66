"""Every fixed number of the API: operators, clients and other processes rely on many of them.

A change of one is deliberate: change it here too, and where a document repeats it.
"""

from datetime import timedelta
from pathlib import Path

import admin_api
from support import fixed_numbers

KIB = 1024
MIB = 1024 * KIB
NUMBERS = {
    "access_log.PATH_MAX_CHARACTERS": 200,
    "allocator.ARENAS": 2,
    "allocator.LARGE_BYTES": 256 * KIB,
    "allocator._M_ARENA_MAX": -8,
    "allocator._M_MMAP_THRESHOLD": -3,
    "allocator._M_TRIM_THRESHOLD": -1,
    "arriving_body.BODY_BYTES": 1088 * KIB,
    "arriving_body._LINE_BYTES": 8 * KIB,
    "arriving_request.HEAD_BYTES": 32 * KIB,
    "arriving_request.HEAD_SECONDS": 10.0,
    "arriving_request.BODY_GRACE_SECONDS": 5.0,
    "arriving_request.SILENCE_SECONDS": 10.0,
    "arriving_request.BODY_BYTES_PER_SECOND": 16 * KIB,
    "arriving_request.SMALL_READ_BYTES": 2 * KIB,
    "arriving_request._PARSERS_READ_BYTES": 8 * KIB,
    "audit.EXPORTED_AT_ONCE": 1000,
    "audit._Export.count": 0,
    "blueprint.USUAL_PROBLEMS": (400, 401, 403, 413, 429, 500, 503),
    "blueprint.POST_PROBLEMS": (409, 422),
    "blueprint.Blueprint.post(secret)": False,
    "blueprint.Blueprint.body(required)": True,
    "blueprint.Blueprint.problems(usual)": True,
    "client_address.MAX_HOPS": 32,
    "crawl.PRIORITY": 60,
    "crawl.CRAWLING_SHOWN": 100,
    "crawl.NEWEST_SHOWN": 10,
    "cursors._MAC_BYTES": 16,
    "cursors.MAX_CHARACTERS": 512,
    "errors.RETRY_AFTER_SECONDS": 2,
    "errors.INSTANCE_MAX_CHARACTERS": 500,
    "gunicorn_arriving.PIECE_BYTES": 64 * KIB,
    "gunicorn_arriving.HELD_BYTES_MAX": 32 * MIB,
    "gunicorn_arriving.STOP_HEAD_SECONDS": 1.0,
    "gunicorn_arriving.STOP_BODY_SECONDS": 3.0,
    "gunicorn_connection.SEND_SECONDS": 5.0,
    "gunicorn_connection.SEND_BUFFER_BYTES": 256 * KIB,
    "gunicorn_leaving.LINGER_SECONDS": 2.0,
    "gunicorn_leaving.STOP_LINGER_SECONDS": 0.5,
    "gunicorn_leaving.LINGER_BYTES": 16 * MIB,
    "gunicorn_leaving.PIECE_BYTES": 64 * KIB,
    "gunicorn_worker.SERVED_SHARE": 0.6,
    "gunicorn_worker.READINESS_SHARE": 0.2,
    "gunicorn_worker.ACCEPTED_SHARE": 0.0625,
    "gunicorn_worker.SWEEP_SECONDS": 0.1,
    "http_answer.answer(keeps)": False,
    "http_rules.RETRY_AFTER_SECONDS": 2,
    "idempotency.repeatable(secret)": False,
    "job_bulk.FILTER_LOOKS_AT": 100_000,
    "job_filters._NO_SUBREDDIT": 0,
    "jobs.ATTEMPTS_SHOWN": 100,
    "jobs.AUDIT_ENTRIES_SHOWN": 50,
    "json_bounds.NUMBER_CHARACTERS": 64,
    "json_bounds.DEPTH_MAX": 16,
    "pauses.PAUSES_SHOWN": 500,
    "probe_answers.HEAD_BYTES": 2 * KIB,
    "probe_answers.READY_SECONDS": 1.0,
    "progress.LONGEST_ETA": timedelta(days=366),
    "progress.Progress.page": 0,
    "progress.Progress.posts": 0,
    "progress.Progress.comments": 0,
    "progress.Progress.authors": 0,
    "progress.Progress.requests": 0,
    "progress.Progress.done": 0,
    "progress.Progress.gap": False,
    "progress.Progress.missing_parts": 0,
    "quotas.DAY_SECONDS": 86400.0,
    "quotas.SAVED_SHARE": 0.125,
    "quotas.KEY_BYTES": 512,
    "quotas.TOKENS_MAX": 10_000,
    "refusal_counts.WINDOW_SECONDS": 600.0,
    "refusal_counts.KEYS_PER_TOKEN": 20,
    "refusal_counts.KEYS_MAX": 2000,
    "refusal_counts.RefusalCounts.take(all_of_them)": False,
    "refusals.PATH_MAX_CHARACTERS": 200,
    "refusals.LOOK_SECONDS": 5.0,
    "refusals.STOP_SECONDS": 1.0,
    "refusals.write_counts(all_of_them)": False,
    "request_body._CHUNK_BYTES": 64 * KIB,
    "request_deadline.SECONDS": 10.0,
    "request_parsing.MAX_FIELD_ERRORS": 50,
    "request_parsing.MAX_MESSAGE_CHARACTERS": 300,
    "request_trace.SERVER_ERRORS": 500,
    "schedule_edits.written(status)": 200,
    "schedule_runs._MICROSECOND": timedelta(microseconds=1),
    "schemas.audit.TEXT_MAX_CHARACTERS": 200,
    "schemas.audit.EXPORT_MAX": 100_000,
    "schemas.bulk.ITEMS_MAX": 1000,
    "schemas.fields.INT8_MAX": 9_223_372_036_854_775_807,
    "schemas.fields.NAME_MAX_CHARACTERS": 200,
    "schemas.fields.identifier(nullable)": False,
    "schemas.job_filter.TEXT_MAX_CHARACTERS": 200,
    "schemas.pause.REASON_MAX_CHARACTERS": 500,
    "schemas.schedule_run.PREVIEW_MAX": 100,
    "state.Drain.has_begun": False,
    "streaming.PIECE_BYTES": 480 * KIB,
    "streaming.PIECE_SECONDS": 30.0,
    "streaming.RETRY_AFTER_SECONDS": 10,
    "subreddits.JOBS_SHOWN": 20,
    "subreddits.PARTS_SHOWN": 100,
    "subreddits.GAPS_SHOWN": 100,
    "subreddits._found(lock)": False,
    "throttle.FAILURES_ALLOWED": 10,
    "throttle.WINDOW_SECONDS": 60.0,
    "throttle.CLIENTS_MAX": 10_000,
    "throttle.IPV6_PREFIX": 64,
    "workers.JOBS_SHOWN": 1000,
    "worker_probes.PATH_BYTES": 100,
    "worker_probes.ANSWER_SECONDS": 2.5,
}

SERVER = {
    "umask": 0o077,
    "preload_app": False,
    "timeout": 30,
    "graceful_timeout": 20,
    "keepalive": 5,
    "SWITCH_SECONDS": 0.001,
    "worker_connections": 400,
    "control_socket_disable": True,
}


def test_every_number_is_listed_and_as_it_was() -> None:
    found = fixed_numbers.of_package(admin_api, without=("gunicorn_conf",))
    difference = fixed_numbers.difference(found, NUMBERS)
    assert not difference, difference


def test_every_number_of_gunicorn_s_settings_is_listed_and_as_it_was() -> None:
    """Read, not imported: the module ends a process without a token, and changes its logs."""
    (folder,) = admin_api.__path__
    assert fixed_numbers.of_file(Path(folder) / "gunicorn_conf.py") == SERVER
