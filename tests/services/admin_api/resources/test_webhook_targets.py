"""An endpoint is not stored and not changed if the guard refuses its URL."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

from admin_api.resources.webhook_requests import CHECKS_MAX
from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.resolver import Resolver
from support import admin_api
from support.refused_targets import PUBLIC, ScriptedNames, refused

WEBHOOKS = "/api/admin/webhooks"


def test_each_refused_url_of_the_table_is_refused_at_creation() -> None:
    # Without a database: the URL is checked before the first query.
    with admin_api.opened(
        "postgresql://nobody@127.0.0.1:1/none",
        WEBHOOK_ALLOWED_NETWORKS="",
        ADMIN_API_REQUESTS_PER_SECOND="0",
    ) as app:
        client = admin_api.with_token(app)
        guard = admin_api.state.of(app).outbound
        accepted = []
        for url, answer in refused():
            guard.resolver = ScriptedNames(answer or [PUBLIC]).resolver()
            found = client.post(WEBHOOKS, json={"url": url, "events": ["job.failed"]})
            if found.status_code != 422 or "/url" not in found.text:
                accepted.append((url, answer, found.status_code, found.text))
        assert accepted == []
        guard.resolver = ScriptedNames([PUBLIC]).resolver()
        body = {"url": "https://hooks.example/", "events": ["job.failed"]}
        assert client.post(WEBHOOKS, json=body).status_code == 503, "the URL is accepted"


def test_names_that_are_never_resolved_occupy_few_threads() -> None:
    silent = threading.Event()

    def lookup(_host: str) -> list[Address]:
        silent.wait(20)
        return []

    with (
        admin_api.opened(
            "postgresql://nobody@127.0.0.1:1/none", ADMIN_API_REQUESTS_PER_SECOND="0"
        ) as app,
        ThreadPoolExecutor(8) as pool,
    ):
        admin_api.state.of(app).outbound.resolver = Resolver(lookup)

        def create(number: int) -> tuple[int, str]:
            body = {"url": f"https://silent-{number}.example/", "events": ["job.failed"]}
            found = admin_api.with_token(app).post(WEBHOOKS, json=body)
            return found.status_code, found.headers.get("Retry-After", "")

        started = [pool.submit(create, number) for number in range(8)]
        try:
            ended = as_completed(started, timeout=20)
            first = [next(ended).result() for _ in range(8 - CHECKS_MAX)]
        finally:
            silent.set()
    assert first == [(429, "3")] * (8 - CHECKS_MAX)
    assert [each.result() for each in ended] == [(422, "")] * CHECKS_MAX
