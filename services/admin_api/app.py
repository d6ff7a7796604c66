"""Creates the Flask application. Does not open a database connection."""

from __future__ import annotations

import os
from collections.abc import Mapping

import flask

from admin_api import NAME
from admin_api.dashboard import routes as dashboard
from admin_api.http import (
    access_log,
    audit_refusals,
    auth,
    problems,
    scopes,
    security_headers,
    state,
)
from admin_api.http.cursors import CursorSigner
from admin_api.http.login_throttle import FailedLogins
from admin_api.http.polling import compressed_answers, conditional
from admin_api.http.quotas import Exports, RequestRates, StoredResponses
from admin_api.http.request import (
    request_body,
    request_deadline,
    request_id,
    request_parsing,
    request_trace,
    unexpected_body,
)
from admin_api.http.request.request_database import RequestDatabase
from admin_api.openapi import docs, document
from admin_api.resources import (
    audit,
    author_detail,
    budget,
    chart_history,
    content_erasure,
    content_exports,
    content_lists,
    copied_groups,
    crawl,
    deleted_groups,
    freshness,
    group_batch,
    group_lifecycle,
    group_pages,
    group_steps,
    groups,
    health,
    held_steps,
    job_bulk,
    job_changes,
    job_import,
    job_overview,
    jobs,
    operation_progress,
    overview,
    pauses,
    post_tree,
    schedule_pages,
    schedule_runs,
    schedules,
    subreddit_map,
    subreddit_overview,
    subreddits,
    system,
    tokens,
    webhook_deliveries,
    webhook_health,
    webhook_lifecycle,
    webhook_replays,
    webhooks,
    whoami,
    workers,
)
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.db.server_liveness import ServerLiveness
from crawljobs.db.timeouts import (
    EXPORT_TIMEOUTS,
    INTERACTIVE_TIMEOUTS,
    PROBE_TIMEOUTS,
    Timeouts,
)
from crawljobs.domain import heartbeat_details
from crawljobs.runtime import comparable_settings
from crawljobs.runtime.heartbeat import Heartbeat
from crawljobs.runtime.outbound.guard import Guard
from crawljobs.runtime.probes.readiness import Readiness


def create_app(variables: Mapping[str, str] | None = None) -> flask.Flask:
    """Return the Flask application. Raises SettingsError if a setting is invalid.

    Call this function after the fork, because processes must not share connection pools.
    """
    app = flask.Flask("admin_api", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined] # an attribute of Flask's own provider
    # If slashes were merged, a path with `//` would get a redirect before the token check.
    app.url_map.merge_slashes = False
    state.install(app, read_state(os.environ if variables is None else variables))
    request_trace.install(app)
    access_log.install(app)
    request_deadline.install(app)
    audit_refusals.install(app)
    auth.install(app)
    scopes.install(app)
    request_body.install(app)
    unexpected_body.install(app)
    request_parsing.install(app)
    problems.install(app)
    request_id.install(app)
    security_headers.install(app)
    compressed_answers.install(app)
    conditional.install(app)
    api = document.install(app)
    for blueprint in (
        jobs.blueprint,
        job_changes.blueprint,
        job_bulk.blueprint,
        job_import.blueprint,
        job_overview.blueprint,
        crawl.blueprint,
        groups.blueprint,
        group_pages.blueprint,
        group_steps.blueprint,
        held_steps.blueprint,
        group_lifecycle.blueprint,
        copied_groups.blueprint,
        deleted_groups.blueprint,
        group_batch.blueprint,
        operation_progress.blueprint,
        pauses.blueprint,
        subreddits.blueprint,
        subreddit_overview.blueprint,
        freshness.blueprint,
        content_lists.blueprint,
        post_tree.blueprint,
        author_detail.blueprint,
        content_exports.blueprint,
        content_erasure.of_authors,
        content_erasure.of_subreddits,
        schedules.blueprint,
        schedule_pages.blueprint,
        schedule_runs.blueprint,
        subreddit_map.blueprint,
        overview.blueprint,
        system.blueprint,
        budget.blueprint,
        chart_history.blueprint,
        workers.blueprint,
        audit.blueprint,
        whoami.blueprint,
        tokens.blueprint,
        webhooks.blueprint,
        webhook_lifecycle.blueprint,
        webhook_replays.blueprint,
        webhook_deliveries.blueprint,
        webhook_health.blueprint,
        health.blueprint,
    ):
        api.register_blueprint(blueprint)
    app.register_blueprint(docs.blueprint(api))
    app.register_blueprint(dashboard.blueprint)
    return app


def read_state(variables: Mapping[str, str]) -> state.State:
    """Create the application's state from environment variables. Raises SettingsError."""
    admin_api = settings.read_admin_api_settings(variables)
    database = settings.read_database_settings(variables)

    exports = settings.read_export_settings(variables)
    # An export occupies a thread. Exports of the audit log occupy at most half of the threads, and
    # exports of content at most a quarter. The other threads stay free for other requests.
    streams = min(exports.streams, max(1, admin_api.threads // 4))

    def pool(
        size: int,
        limits: Timeouts,
        liveness: ServerLiveness | None = None,
        other_url: str | None = None,
    ) -> Database:
        return Database(
            other_url or database.url,
            pool_size=size,
            application_name=NAME,
            pooled=database.pooled and other_url is None,
            limits=limits,
            liveness=liveness,
        )

    probes = pool(1, PROBE_TIMEOUTS)
    requests = pool(admin_api.threads, INTERACTIVE_TIMEOUTS, ServerLiveness(probes.check_reachable))
    return state.State(
        settings=admin_api,
        webhooks=settings.read_webhook_settings(variables),
        outbound=Guard(settings.read_outbound_settings(variables)),
        max_retries=settings.read_max_retries(variables),
        # The pool has one database connection for each thread, so no thread waits for a connection.
        database=RequestDatabase(requests),
        readiness=Readiness(probes),
        cursors=CursorSigner(admin_api.token),
        failed_logins=FailedLogins(),
        rates=RequestRates(admin_api.requests_per_second),
        stored_responses=StoredResponses(admin_api.kept_answers_mib * 1024 * 1024),
        exports=Exports(
            per_token=admin_api.exports_at_once, in_total=max(1, admin_api.threads // 2)
        ),
        # A token may run at most `streams` - 1 exports of content, so that another token can start
        # an export too. For these exports, the bootstrap token has no exception. So the place that
        # `Exports` reserves for the bootstrap token stays unused, and `in_total` is `streams` + 1.
        content_exports=Exports(per_token=max(1, streams - 1), in_total=streams + 1),
        content_database=pool(streams, EXPORT_TIMEOUTS, other_url=exports.database_url),
        content_key=settings.read_content_key(variables),
        large_bodies=Exports(per_token=1, in_total=max(1, admin_api.threads // 2) + 1),
        heartbeat=Heartbeat(
            requests,
            name=settings.read_instance_name(variables, NAME),
            role=NAME,
            details=lambda: {
                "threads": admin_api.threads,
                heartbeat_details.SETTINGS: comparable_settings.values(admin_api),
            },
        ),
    )
