"""Requests are repeated when the server could not answer, and a write happens once."""

import json
from typing import Any

import pytest

from crawlctl.failures import CommandFailed
from crawlctl.rest.client import Client
from crawlctl.rest.pages import read_items
from crawlctl.rest.polling import Poller
from crawlctl.rest.problem import Refused
from support.scripted_server import Exchange, serve


class Script:
    """Answers with one status after the other, and records the requests."""

    def __init__(self, *statuses: int | None, retry_after: str = "") -> None:
        self.statuses = [*statuses]
        self.retry_after = retry_after
        self.keys: list[str | None] = []
        self.bodies: list[bytes] = []

    def __call__(self, exchange: Exchange) -> None:
        self.keys.append(exchange.headers["Idempotency-Key"])
        self.bodies.append(exchange.body)
        status = self.statuses.pop(0)
        if status is None:
            exchange.hang_up()
            return
        extra = {"retry_after": self.retry_after} if self.retry_after and status >= 400 else {}
        body = json.dumps({"status": status, "items": [], "next": None}).encode()
        exchange.send(status, body, content_type="application/json", **extra)


def test_a_write_is_repeated_with_its_key_until_it_is_answered() -> None:
    script, slept = Script(503, None, 429, 200, retry_after="3"), list[float]()
    with serve(script) as url, Client(url, "t", retry_seconds=99, sleep=slept.append) as client:
        reply = client.call("POST", "/x", body={"a": 1})
    assert (reply.status, reply.repeated) == (200, True)
    assert len(set(script.keys)) == 1
    assert script.keys[0]
    assert [json.loads(body) for body in script.bodies] == [{"a": 1}] * 4
    assert [one >= 3 for one in slept] == [True, False, True]


def test_each_write_has_a_key_of_its_own_and_a_read_has_none() -> None:
    script = Script(200, 200, 200)
    with serve(script) as url, Client(url, "t", retry_seconds=0) as client:
        for _ in range(2):
            client.call("POST", "/x")
        client.get("/x")
    first, second, third = script.keys
    assert first != second
    assert third is None


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_a_refusal_is_not_repeated(status: int) -> None:
    script = Script(status)
    with serve(script) as url, Client(url, "t", retry_seconds=99) as client:
        with pytest.raises(Refused) as refused:
            client.call("POST", "/x")
        assert refused.value.status == status


def test_repetitions_end_at_the_deadline() -> None:
    with (
        serve(Script(*[503] * 9)) as url,
        Client(url, "t", retry_seconds=0.3) as client,
        pytest.raises(Refused),
    ):
        client.get("/x")
    with (
        Client("http://127.0.0.1:1", "t", retry_seconds=0.3) as client,
        pytest.raises(CommandFailed, match="does not answer"),
    ):
        client.get("/x")


def test_a_redirect_is_an_error_so_that_the_token_stays_with_its_server() -> None:
    reached: list[Exchange] = []
    with serve(reached.append) as other:

        def redirect(exchange: Exchange) -> None:
            exchange.send(307, b"", location=other)

        with (
            serve(redirect) as url,
            Client(url, "secret", retry_seconds=0) as client,
            pytest.raises(Refused, match="redirects"),
        ):
            client.get("/x")
    assert reached == []


def test_a_poll_sends_the_etag_and_yields_only_changes() -> None:
    states: list[Any] = [("1", {"n": 1}), ("1", None), (None, {"n": 2}), (None, {"n": 2})]
    states += [("9", {"n": 3})]
    seen: list[str | None] = []

    def script(exchange: Exchange) -> None:
        seen.append(exchange.headers["If-None-Match"])
        etag, body = states.pop(0)
        headers = {"etag": etag} if etag else {}
        if body is None:
            exchange.send(304, b"", **headers)
        else:
            exchange.send(
                200, json.dumps(body).encode(), content_type="application/json", **headers
            )

    with serve(script) as url, Client(url, "t", retry_seconds=0) as client:
        changes = Poller(client, None, sleep=lambda seconds: None).changes("/x")
        assert [next(changes)["n"] for _ in range(3)] == [1, 2, 3]
    assert seen == [None, "1", "1", None, None]


def test_a_list_is_read_page_by_page_and_never_beyond_its_limit() -> None:
    asked: list[str] = []

    def script(exchange: Exchange) -> None:
        asked.append(exchange.path)
        body = {"items": [{"n": 1}, {"n": 2}], "next": "more"}
        exchange.send(200, json.dumps(body).encode(), content_type="application/json")

    rest: list[bool] = []
    with serve(script) as url, Client(url, "t", retry_seconds=0) as client:
        found = read_items(client, "/l", {"a": 1}, limit=3, on_rest=lambda: rest.append(True))
        assert len([*found]) == 3
    assert asked == ["/l?a=1&limit=3", "/l?a=1&limit=1&cursor=more"]
    assert rest == [True]
