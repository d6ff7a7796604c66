"""The body of a webhook: the bytes that are stored, signed and sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

BODY_MAX = 20_480  # limit of a body in bytes

# For each kind of resource: the field of `data` that holds the id or name of the resource, and the
# path of the resource in the API.
_LINKS = {
    "job": ("job_id", "/api/admin/jobs/{}"),
    "group": ("group_id", "/api/admin/groups/{}"),
    "schedule": ("schedule_id", "/api/admin/schedules/{}"),
    "subreddit": ("subreddit", "/api/admin/subreddits/{}"),
    "webhook": ("webhook_id", "/api/admin/webhooks/{}"),
}


def render(
    *,
    kind: str,
    created_at: datetime,
    data: Mapping[str, Any],
    version: int,
    public_url: str | None,
) -> str:
    """Return the JSON text of an event, in ASCII and at most BODY_MAX bytes long.

    - `created_at`: has the time zone UTC.
    - `version`: is greater for each later event of the same job or group.
    - `public_url`: the start of all links, without a final slash. If None, the event has no links.

    Raises ValueError if the text is longer than BODY_MAX.
    """
    timestamp = created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    links = {
        name: public_url + path.format(quote(str(data[field]), safe=""))
        for name, (field, path) in _LINKS.items()
        if public_url and data.get(field) is not None
    }
    value = {
        "type": kind,
        "timestamp": timestamp,
        "data": {**data, "version": version, "links": links},
    }
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if len(body) > BODY_MAX:
        raise ValueError(f"the body of {kind} has {len(body)} bytes, more than {BODY_MAX}")
    return body
