"""The cost to read headers, query strings and bodies grows in proportion to their length."""

import ipaddress
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import flask
import pytest
from marshmallow import ValidationError

from admin_api.http import auth, client_address, cursors, idempotency, preconditions
from admin_api.http.request import json_values, request_id, request_parsing
from admin_api.schemas import fields
from admin_api.server import arriving_body, http_rules
from admin_api.server.arriving_request import ArrivingRequest
from support import growth

HEADER = 8_190  # the longest header line that gunicorn accepts, in characters
QUERY = 4_094  # the longest request line that gunicorn accepts, in characters
BODY = growth.LONG  # characters; each route accepts a body of this length
APP = flask.Flask("growth")
ANYWHERE = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
SIGNER = cursors.CursorSigner("token")


def forwarded(text: str) -> object:
    return client_address.client_address("127.0.0.1", text + ",10.0.0.1", ANYWHERE)


def if_match(text: str) -> None:
    with APP.test_request_context("/", headers={"If-Match": printable(text)}):
        preconditions.check(1, required=True)


def conditions(text: str) -> None:
    """Evaluate conditional headers as for a static file."""
    names = ("If-None-Match", "If-Range", "Range", "If-Modified-Since")
    headers = {name: printable(text) for name in names}
    with APP.test_request_context("/", headers=headers):
        response = flask.Response("x")
        response.last_modified = datetime(2026, 1, 1, tzinfo=UTC)
        response.set_etag("x")
        response.make_conditional(flask.request, accept_ranges=True, complete_length=1)


def printable(text: str) -> str:
    """Return the text as gunicorn passes a header: UTF-8 bytes decoded as latin-1, on one line."""
    return text.encode("utf-8", "replace").decode("latin-1").replace("\n", " ").replace("\r", " ")


def negotiated(text: str) -> object:
    names = ("Accept", "Content-Type", "Content-Encoding", "Cookie", "Cache-Control")
    with APP.test_request_context("/", headers={name: printable(text) for name in names}):
        request = flask.request
        return request.mimetype, request.content_encoding, request.content_length


def query(text: str) -> object:
    with APP.test_request_context("/"):
        flask.request.environ["QUERY_STRING"] = printable(text)
        flask.request.query_string = printable(text).encode("latin-1")  # type: ignore[misc]
        request_parsing.refuse_stray_parameters()
        return list(flask.request.args.lists())


def body(text: str) -> object:
    return json_values.parsed_json(text.encode("utf-8", "surrogatepass"), 2_000)


def texts(text: str) -> object:
    return json_values.parsed_json(json.dumps({"a": text, text: [text]}).encode(), 2_000)


def values(text: str) -> None:
    for field in (
        fields.Timestamp(),
        fields.SubredditName(),
        fields.Whole(),
        fields.Flag(),
        fields.identifier("x"),
    ):
        try:
            field.deserialize(text)
        except ValidationError as error:
            str(error.messages)


def cursor(text: str) -> Any:
    return SIGNER.decode(text, listing="jobs", filters={"subreddit": text})


def key(text: str) -> object:
    return idempotency._KEY.fullmatch(text)


def head(text: str) -> None:
    request = ArrivingRequest()
    received = b"GET / HTTP/1.1\r\n" + text.encode("utf-8", "replace")
    for begin in range(0, len(received), 1_000):
        request.add(received[begin : begin + 1_000])


def chunks(text: str) -> None:
    start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = ArrivingRequest()
    request.add(start)
    sent = text.encode("utf-8", "replace")
    for begin in range(0, len(sent), 500):
        request.add(sent[begin : begin + 500])


def rules(text: str) -> None:
    arriving_body.expected(f"POST / HTTP/1.1\r\nContent-Length: {text}\r\n\r\n".encode())
    http_rules.check((1, 1), [("HOST", text), ("TRANSFER-ENCODING", text)])


@pytest.mark.parametrize(
    ("parse", "longest"),
    [
        (forwarded, HEADER),
        (client_address.parsed_address, HEADER),
        (if_match, HEADER),
        (conditions, HEADER),
        (negotiated, HEADER),
        (request_id.chosen_or_new, HEADER),
        (auth.token_of, HEADER),
        (key, HEADER),
        (query, QUERY),
        (cursor, BODY),
        (body, BODY),
        (texts, BODY),
        (values, BODY),
        (head, BODY),
        (chunks, BODY),
        (rules, BODY),
    ],
)
def test_the_cost_of_a_text_grows_with_its_length(
    parse: Callable[[str], object], longest: int
) -> None:
    for family in growth.FAMILIES.values():
        growth.check(parse, family, longest=longest)
