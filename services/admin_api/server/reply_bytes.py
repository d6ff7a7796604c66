"""Builds the HTTP responses that the event loop sends without calling the application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from admin_api.http import security_headers
from admin_api.http.request import request_id

PROBLEM_TYPE = "application/problem+json"


def response(
    status: HTTPStatus,
    body: Mapping[str, Any],
    *,
    req_id: str,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
    keeps: bool = False,
) -> bytes:
    """Return the bytes of a response. `req_id` is the id of the request.

    `keeps` is true if the connection stays open for another request.
    """
    text = json.dumps(body, separators=(",", ":")).encode() + b"\n"
    lines = {
        "Date": formatdate(usegmt=True),
        "Connection": "keep-alive" if keeps else "close",
        "Content-Type": content_type,
        "Content-Length": str(len(text)),
        request_id.HEADER: req_id,
        **security_headers.HEADERS,
        **(headers or {}),
    }
    head = [f"HTTP/1.1 {status.value} {status.phrase}"]
    head += [f"{name}: {value}" for name, value in lines.items()]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + text
