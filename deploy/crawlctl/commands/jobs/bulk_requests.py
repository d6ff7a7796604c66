"""The requests that change up to 1,000 jobs, or show what the change would do."""

from collections.abc import Mapping, Sequence
from typing import Any

from crawlctl.rest.client import Client

PATH = "/api/admin/jobs"
Body = Mapping[str, Any]
# For each change: the method and the path of its request, and fields of its body.
_ROUTES: Mapping[str, tuple[str, str, Body]] = {
    "retry": ("POST", "retry", {}),
    "cancel": ("POST", "cancel", {}),
    "boost": ("POST", "boost", {}),
    "wake": ("POST", "wake", {}),
    "give_up": ("PUT", "status", {"status": "failed"}),
}


def send_bulk(
    client: Client, verb: str, body: Body, job_ids: Sequence[int], *, dry_run: bool
) -> Sequence[Body]:
    """Change these jobs, or with `dry_run` change nothing. Return the result of each job."""
    method, path, fields = _ROUTES[verb]
    whole = {**body, **fields, "job_ids": list(job_ids), "dry_run": dry_run}
    items: Sequence[Body] = client.call(method, f"{PATH}/bulk/{path}", body=whole).body["items"]
    return items
