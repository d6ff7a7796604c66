"""An endpoint is not stored and not changed if the guard refuses its URL."""

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
