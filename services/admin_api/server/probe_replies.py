"""Builds the responses to /healthz and /readyz in the event loop, without a thread.

The module handles only plain probes. A plain probe is a complete GET without a body, and no further
request has arrived behind it. Threads handle all other requests.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from admin_api.http import api_counters, health_replies, problems
from admin_api.http.request import request_id
from admin_api.schemas.problem_kinds import KINDS
from admin_api.server import reply_bytes

HEAD_BYTES = 2_048
# A pattern for the head of a plain probe. Its possessive quantifiers prevent backtracking, so the
# match reads each byte once.
_HEAD = re.compile(
    rb"GET (/healthz|/readyz) HTTP/1\.([01])\r\n((?:[A-Za-z0-9-]+:[\t -~]*+\r\n)*+)\r\n"
)
_LINE = re.compile(rb"([A-Za-z0-9-]+):[\t ]*([\t -~]*?)[\t ]*\r\n")
_HOST = re.compile(rb"[A-Za-z0-9._\[\]:-]*")
# A request with one of these headers is no plain probe, because it may have a body or change the
# protocol.
_NOT_PLAIN = {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer"}


@dataclass(frozen=True)
class Probe:
    path: str
    keeps: bool  # whether the connection stays open after the response
    req_id: str
    arrived_at: float


def parse(head: bytes, *, may_keep: bool) -> Probe | None:
    """Return the plain probe in this request head. None: a thread must handle the request.

    `may_keep` is true if the server allows a further request on the connection.
    """
    found = _HEAD.fullmatch(head)
    if found is None or len(head) > HEAD_BYTES:
        return None
    lines = [(name.lower(), value) for name, value in _LINE.findall(found[3])]
    by_name = dict(lines)
    hosts = [value for name, value in lines if name == b"host"]
    is_new = found[2] == b"1"
    wants_to_keep = by_name.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    if _NOT_PLAIN & by_name.keys() or not all(_HOST.fullmatch(host) for host in hosts):
        return None
    if len(hosts) > 1 or (is_new and not hosts):
        return None
    offered = by_name.get(request_id.HEADER.lower().encode())
    return Probe(
        path=found[1].decode(),
        keeps=may_keep and is_new and wants_to_keep,
        req_id=request_id.chosen_or_new(None if offered is None else offered.decode()),
        arrived_at=time.monotonic(),
    )


def alive(probe: Probe) -> bytes:
    return _answered(probe, HTTPStatus.OK, health_replies.ALIVE)


def ready(probe: Probe, why_not: problems.Problem | None) -> bytes:
    if why_not is None:
        return _answered(probe, HTTPStatus.OK, health_replies.READY)
    kind = KINDS[why_not.code]
    body = problems.document(
        kind.status,
        why_not.code,
        kind.title,
        why_not.detail,
        instance=probe.path,
        req_id=probe.req_id,
    )
    headers = {"content_type": reply_bytes.PROBLEM_TYPE, "headers": why_not.headers}
    return _answered(probe, HTTPStatus(kind.status), body, **headers)


def _answered(probe: Probe, status: HTTPStatus, body: dict[str, Any], **options: Any) -> bytes:
    seconds = time.monotonic() - probe.arrived_at
    api_counters.observe_request(
        route=probe.path, method="GET", status=status.value, seconds=seconds
    )
    return reply_bytes.response(status, body, req_id=probe.req_id, keeps=probe.keeps, **options)
