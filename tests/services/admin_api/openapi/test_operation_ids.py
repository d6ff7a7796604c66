"""Each operation has a stable operationId, because generated clients name their functions by it."""

import re

import flask.testing

from support.admin_api import openapi_document

# A rename breaks the programs of all users of generated clients.
OPERATION_IDS = [
    "add_group_steps",
    "boost_group",
    "boost_job",
    "boost_jobs",
    "cancel_group",
    "cancel_job",
    "cancel_jobs",
    "change_job_priority",
    "change_job_status",
    "change_job_statuses",
    "change_schedule",
    "change_subreddit",
    "change_webhook",
    "check_health",
    "check_readiness",
    "clone_group",
    "count_job_matches",
    "crawl_subreddit",
    "create_group",
    "create_schedule",
    "create_token",
    "create_webhook",
    "delete_group",
    "delete_job",
    "delete_schedule",
    "delete_webhook",
    "disable_webhook",
    "enable_webhook",
    "enqueue_job",
    "enqueue_jobs",
    "enqueue_subreddit",
    "erase_author",
    "erase_content",
    "explain_group_step",
    "explain_job",
    "export_audit_entries",
    "export_authors",
    "export_comments",
    "export_edges",
    "export_links",
    "export_posts",
    "export_subreddits",
    "give_up_job",
    "list_audit_entries",
    "list_comments",
    "list_group_rows",
    "list_group_steps",
    "list_groups",
    "list_job_rows",
    "list_jobs",
    "list_operations",
    "list_pauses",
    "list_posts",
    "list_schedule_runs",
    "list_schedules",
    "list_subreddits",
    "list_tokens",
    "list_webhook_deliveries",
    "list_webhooks",
    "list_workers",
    "pause_group",
    "pause_queue",
    "ping_webhook",
    "preview_schedule",
    "proceed_group_step",
    "replace_schedule",
    "replace_webhook",
    "replay_webhook",
    "replay_webhook_delivery",
    "resume_group",
    "resume_queue",
    "retry_failed_steps",
    "retry_job",
    "retry_jobs",
    "revoke_token",
    "rotate_webhook_secret",
    "run_schedule",
    "seal_group",
    "send_webhook_delivery",
    "show_author",
    "show_budget",
    "show_crawl_status",
    "show_group",
    "show_group_overview",
    "show_group_step",
    "show_job",
    "show_job_overview",
    "show_job_stats",
    "show_map",
    "show_operation",
    "show_overview",
    "show_post",
    "show_schedule",
    "show_subreddit",
    "show_system",
    "show_token",
    "show_token_of_request",
    "show_webhook",
    "show_webhook_delivery",
    "show_webhook_secret",
    "skip_group_step",
    "toggle_schedule",
    "wake_job",
    "wake_jobs",
]


def test_each_operation_has_an_id_of_verb_and_noun(offline: flask.testing.FlaskClient) -> None:
    document = openapi_document(offline.application)
    found = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    assert sorted(found) == OPERATION_IDS
    assert len(set(found)) == len(found)
    for name in found:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), name
