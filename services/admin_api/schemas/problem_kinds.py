"""The error codes of the API, with their HTTP status and title."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    status: int
    title: str


# The keys are the codes that programs read. A problem's `type` links to its code at /docs.
KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, "Bad request"),
    "broken_body": Kind(400, "Request body incomplete or malformed"),
    "invalid_json": Kind(400, "Request body is not valid JSON"),
    "unknown_parameter": Kind(400, "Unknown query parameter"),
    "unexpected_body": Kind(400, "Request takes no body"),
    "invalid_cursor": Kind(400, "Cursor is not valid for this list"),
    "missing_token": Kind(401, "Bearer token required"),
    "invalid_token": Kind(401, "Bearer token not valid"),
    "insufficient_scope": Kind(403, "Token lacks a required scope"),
    "insufficient_lifetime": Kind(403, "The other token expires later than your token"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "body_timeout": Kind(408, "Request body did not arrive in time"),
    "duplicate_name": Kind(409, "Name already in use"),
    "subreddit_gone": Kind(409, "Subreddit of the schedule cannot be crawled"),
    "illegal_transition": Kind(409, "State of the job does not allow this change"),
    "live_job_exists": Kind(409, "Subreddit has another live job"),
    "count_mismatch": Kind(409, "Filter matches a different number of jobs"),
    "job_awaited": Kind(409, "Steps of groups depend on the job"),
    "operation_in_progress": Kind(409, "Operation of this resource in progress"),
    "not_paused": Kind(409, "Not paused"),
    "group_finished": Kind(409, "Group has finished"),
    "group_unfinished": Kind(409, "Group has not finished"),
    "group_awaited": Kind(409, "Steps of other groups wait for the group"),
    "group_too_large": Kind(409, "Group has too many steps for one request"),
    "step_not_held": Kind(409, "Step is not held"),
    "group_closed": Kind(409, "Group accepts no further steps, or has not been sealed"),
    "too_many_tokens": Kind(409, "Name already has two live tokens"),
    "token_revoked": Kind(409, "Token is already revoked"),
    "webhooks_off": Kind(409, "Webhooks have no master key"),
    "too_many_webhooks": Kind(409, "All endpoints of webhooks are in use"),
    "webhook_disabled": Kind(409, "Endpoint is disabled"),
    "no_content_key": Kind(409, "Pseudonyms and erasure need the key of content"),
    "delivery_open": Kind(409, "Delivery has not ended"),
    "delivery_not_pending": Kind(409, "Delivery is not pending"),
    "key_in_progress": Kind(409, "Request with this Idempotency-Key in progress"),
    "answer_not_kept": Kind(409, "Change already made; its response was not stored"),
    "precondition_failed": Kind(412, "Resource changed since you read it"),
    "body_too_large": Kind(413, "Request body too large"),
    "unsupported_media_type": Kind(415, "Content-Type must be application/json"),
    "invalid_request": Kind(422, "Invalid values in the request"),
    "key_reused": Kind(422, "Idempotency-Key belongs to another request"),
    "too_many_matches": Kind(422, "Filter matches too many jobs"),
    "precondition_required": Kind(428, "If-Match header required"),
    "too_many_requests": Kind(429, "Token exceeds its request rate"),
    "too_many_keys": Kind(429, "Stored responses of the token take too much space"),
    "too_many_exports": Kind(429, "Too many exports in progress"),
    "too_many_large_bodies": Kind(429, "Too many requests with a large body in progress"),
    "too_many_failures": Kind(429, "Too many wrong tokens from this address"),
    "internal_error": Kind(500, "Internal server error"),
    "database_unavailable": Kind(503, "Database unavailable"),
    "service_unavailable": Kind(503, "Server is busy"),
    "shutting_down": Kind(503, "Server is shutting down"),
    "old_http_version": Kind(505, "HTTP/1.1 required for this response"),
    "unknown_schema": Kind(503, "Database schema unknown to this version"),
}
