"""The requests that change up to 1,000 jobs, or try the change."""

from collections.abc import Mapping, Sequence
from typing import Any

from crawlctl.failures import ExitCode
from crawlctl.rest.client import Client
from crawlctl.rest.problem import Refused

PATH = "/api/admin/jobs"
Body = Mapping[str, Any]
# The method, the path and the fields of each change.
_ROUTES: Mapping[str, tuple[str, str, Body]] = {
    "retry": ("POST", "retry", {}),
    "cancel": ("POST", "cancel", {}),
    "boost": ("POST", "boost", {}),
    "give_up": ("PUT", "status", {"status": "failed"}),
}


def send_bulk(
    client: Client, verb: str, body: Body, job_ids: Sequence[int], *, dry_run: bool
) -> Sequence[Body]:
    """Change these jobs, or try it with `dry_run`. Return the result of each job."""
    if verb == "wake":  # the API has no bulk change for it
        return [_woken(client, job_id, dry_run=dry_run) for job_id in job_ids]
    method, path, fields = _ROUTES[verb]
    whole = {**body, **fields, "job_ids": list(job_ids), "dry_run": dry_run}
    items: Sequence[Body] = client.call(method, f"{PATH}/bulk/{path}", body=whole).body["items"]
    return items


def _woken(client: Client, job_id: int, *, dry_run: bool) -> Body:
    item = {"id": job_id, "status": 200, "code": "ok", "detail": "", "other_job_id": None}
    try:
        if not dry_run:
            client.call("POST", f"{PATH}/{job_id}/wake")
        elif client.get(f"{PATH}/{job_id}").body["status"] != "waiting":
            return {**item, "status": 409, "code": "illegal_transition"}
    except Refused as refused:
        if refused.code is ExitCode.NO_ACCESS:
            raise
        detail = str(refused.problem.get("detail") or "")
        return {**item, "status": refused.status, "code": refused.problem_code, "detail": detail}
    return item
