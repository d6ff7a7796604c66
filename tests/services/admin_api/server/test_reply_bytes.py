"""The server formats a response as bytes with an exact head.

It closes the connection by default.
"""

import email.utils
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest

from admin_api.http import security_headers
from admin_api.server import reply_bytes


def parsed(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({}, {}),
        ({"keeps": False}, {}),
        ({"keeps": True}, {"Connection": "keep-alive"}),
        ({"content_type": "text/plain"}, {"Content-Type": "text/plain"}),
        ({"headers": {"Retry-After": "7"}}, {"Retry-After": "7"}),
    ],
)
def test_an_answer_has_its_headers_and_its_body(
    options: dict[str, Any], changed: dict[str, str]
) -> None:
    body = {"code": "körper", "n": 1}
    made = reply_bytes.response(HTTPStatus.NOT_FOUND, body, req_id="mine", **options)
    first, headers, sent = parsed(made)
    assert first == "HTTP/1.1 404 Not Found"
    assert json.loads(sent) == body
    assert sent.endswith(b"}\n")
    date = email.utils.parsedate_to_datetime(headers.pop("Date"))
    assert abs(datetime.now(UTC) - date) < timedelta(minutes=1)
    assert headers == {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(sent)),
        "X-Request-Id": "mine",
        **security_headers.HEADERS,
        **changed,
    }
