"""Sends requests to the admin-api. Repeats a request that the server could not answer."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.rest import answer_reading, connection_errors, repetition
from crawlctl.rest.problem import Refused, read_problem
from crawlctl.rest.reply import Reply
from crawlctl.version import VERSION

CONNECT_SECONDS = 5.0
# Limit of the wait for bytes; the server needs up to 10 s, and a proxy adds its own time.
READ_SECONDS = 60.0
ANSWER_BYTES = 64 * 2**20  # limit of the bytes of an answer; a list of 500 jobs has 1 MiB
PROBLEM_BYTES = 2**20  # limit of the bytes of an error response to an export request
NOT_MODIFIED, NOT_FOUND = 304, 404

Query = Mapping[str, Any]


class Client:
    """One connection pool to one server.

    `retry_seconds` limits the time of all tries of a request. `log` gets a line for each try.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        retry_seconds: float,
        log: Callable[[str], None] = lambda line: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": f"crawlctl/{VERSION}"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._retry_seconds = retry_seconds
        self._log = log
        self._sleep = sleep
        self._pool = answer_reading.open_pool(
            connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def get(self, path: str, query: Query | None = None, *, etag: str | None = None) -> Reply:
        """Return the reply of a GET. With `etag`, the status is 304 when nothing has changed."""
        headers = {"If-None-Match": etag} if etag else {}
        return self.call("GET", path, query=query, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        gone_is_done: bool = False,
        any_type: bool = False,
    ) -> Reply:
        """Send a request until the server answers it, and return the reply.

        The answer must be a JSON object, or empty. With `any_type`, the reply can also have another
        JSON value, or a text: the page of a proxy, for example, is a text.

        With `gone_is_done`, status 404 of a second try is no error: the first try has deleted the
        object. All tries of a write have the same Idempotency-Key. Raises Refused for an error
        status, and CommandFailed when no server answers.
        """
        sent = {**self._headers, **(headers or {})}
        if method not in ("GET", "HEAD"):
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        address = self.url + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        deadline = time.monotonic() + self._retry_seconds
        tries = 0
        while True:
            tries += 1
            try:
                reply = self._once(method, address, content, sent)
            except Refused as refused:
                if gone_is_done and tries > 1 and refused.status == NOT_FOUND:
                    return Reply(204, None, repeated=True)
                delay = repetition.delay(tries, refused.retry_after)
                if refused.status not in repetition.STATUSES or repetition.is_over(deadline, delay):
                    raise
            except HTTPError as error:
                delay = repetition.delay(tries, None)
                if repetition.is_over(deadline, delay):
                    raise connection_errors.unreachable(self.url, error) from None
                self._log(f"{method} {path}: {connection_errors.reason_of(error)}")
            else:
                if not any_type and not isinstance(reply.body, dict | None):
                    raise CommandFailed(
                        f"The answer of {method} {path} is no JSON object: is {self.url} the "
                        "address of an admin-api?"
                    )
                return Reply(**{**reply.__dict__, "repeated": tries > 1})
            self._sleep(delay)

    def stream(self, path: str, query: Query | None = None) -> urllib3.BaseHTTPResponse:
        """Return the response of a GET before its body is read. The caller closes the response."""
        address = self.url + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        try:
            response = self._pool.request(
                "GET",
                address,
                headers={**self._headers, "Accept": "*/*", "Accept-Encoding": "gzip"},
                preload_content=False,
                redirect=False,
            )
        except HTTPError as error:
            raise connection_errors.unreachable(self.url, error) from None
        if response.status >= 300:
            with response:
                data = answer_reading.read_body(response, PROBLEM_BYTES)
                raise read_problem(response.status, response.headers, data)
        return response

    def _once(
        self, method: str, address: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        began = time.monotonic()
        try:
            response = self._pool.request(
                method,
                address,
                body=content,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
        except LocationParseError as error:
            raise CommandFailed(f"{self.url} is not a valid URL: {error}", ExitCode.USAGE) from None
        with response:
            data = answer_reading.read_body(response, ANSWER_BYTES)
        took = (time.monotonic() - began) * 1000
        request_id = response.headers.get("X-Request-Id", "-")
        path = address.removeprefix(self.url)
        self._log(f"{method} {path}: {response.status} in {took:.0f} ms, request {request_id}")
        if len(data) > ANSWER_BYTES:
            raise CommandFailed(f"The answer of {method} {path} exceeds {ANSWER_BYTES:,} bytes.")
        if response.status == NOT_MODIFIED:
            return Reply(NOT_MODIFIED, None, headers.get("If-None-Match"))
        if response.status >= 300:
            raise read_problem(response.status, response.headers, data)
        etag, location = response.headers.get("ETag"), response.headers.get("Location")
        value = answer_reading.json_value(data, response.headers)
        return Reply(response.status, value, etag, location)
