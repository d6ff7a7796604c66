"""A schedule can have a description: create, change, list and audit it; its length is bounded."""

import re
from typing import Any

import pytest
from sqlalchemy import CheckConstraint

from admin_api.schemas.fields import DESCRIPTION_MAX_CHARACTERS
from crawljobs.db.database import Database
from crawljobs.db.tables.schedules import scheduled_jobs
from crawljobs.repository.operations import audit_log
from support.schedule_calls import ANY, NIGHTLY, SCHEDULES, Client, create, path, without_quota

WEEKLY = "Weekly report.\n\tAsk Ada."


def test_a_description_is_stored_listed_and_shown(client: Client) -> None:
    made = create(client, description=WEEKLY)
    assert made["description"] == WEEKLY
    assert client.get(path(made)).json == without_quota(made)
    page: Any = client.get(SCHEDULES).json
    assert [item["description"] for item in page["items"]] == [WEEKLY]
    assert create(client, name="plain")["description"] is None


def test_put_and_patch_change_a_description_and_audit_the_change(
    client: Client, database: Database
) -> None:
    made = create(client, description=WEEKLY)
    patched = client.patch(path(made), json={"priority": 6}, headers=ANY).json or {}
    assert patched["description"] == WEEKLY
    patched = client.patch(path(made), json={"description": "Daily"}, headers=ANY).json or {}
    assert (patched["description"], patched["next_run_at"]) == ("Daily", made["next_run_at"])
    toggled = client.post(path(made, "/toggle"), json={"enabled": False}).json or {}
    assert toggled["description"] == "Daily"
    replaced = client.put(path(made), json=NIGHTLY, headers=ANY).json or {}
    assert replaced["description"] is None
    with database.begin() as conn:
        filters = audit_log.AuditFilter(resource_type="scheduled_job")
        newest, *_, created = audit_log.list_entries(conn, filters=filters).entries
    assert (created.after or {})["description"] == WEEKLY
    assert (newest.before or {})["description"] == "Daily"
    assert (newest.after or {})["description"] is None


@pytest.mark.parametrize("equal", [WEEKLY, f"  {WEEKLY}\n"])
def test_an_equal_description_makes_no_new_version(client: Client, equal: str) -> None:
    made = create(client, description=WEEKLY)
    patched = client.patch(path(made), json={"description": equal}, headers=ANY).json
    assert without_quota(patched) == without_quota(made)


@pytest.mark.parametrize("blank", ["", "  ", "\n\t", "\u2003", None])
def test_a_blank_description_is_none(client: Client, blank: str | None) -> None:
    made = create(client, description=blank)
    assert made["description"] is None
    client.patch(path(made), json={"description": WEEKLY}, headers=ANY)
    patched = client.patch(path(made), json={"description": blank}, headers=ANY).json or {}
    assert patched["description"] is None


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * (DESCRIPTION_MAX_CHARACTERS + 1),
        "😀" * (DESCRIPTION_MAX_CHARACTERS + 1),
        "a\0b",
        "\x1b[2J",
        "\u202egpj.exe",
        "\u2066x",
        "\ud800",
        7,
        True,
        ["x"],
        {"x": "y"},
    ],
)
def test_a_hostile_description_is_refused_by_its_field(client: Client, hostile: Any) -> None:
    made = create(client)
    for response in (
        client.post(SCHEDULES, json={**NIGHTLY, "name": "other", "description": hostile}),
        client.patch(path(made), json={"description": hostile}, headers=ANY),
        client.put(path(made), json={**NIGHTLY, "description": hostile}, headers=ANY),
    ):
        body: Any = response.json
        assert response.status_code == 422
        assert body["errors"][0]["pointer"].startswith("/description")
    assert client.get(path(made)).json == without_quota(made)


@pytest.mark.parametrize(
    "harmless",
    ["<script>alert(1)</script>", "'; DROP TABLE crawl_jobs; --", "%s {0} \\x00", "سلام"],
)
def test_markup_and_sql_are_stored_as_text(client: Client, harmless: str) -> None:
    assert create(client, description=harmless)["description"] == harmless


def test_the_longest_description_is_that_of_the_column(client: Client) -> None:
    checks = [
        re.fullmatch(r"char_length\(description\) BETWEEN 1 AND (\d+)", str(constraint.sqltext))
        for constraint in scheduled_jobs.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    assert [int(check[1]) for check in checks if check] == [DESCRIPTION_MAX_CHARACTERS]
    longest = "😀" * DESCRIPTION_MAX_CHARACTERS
    assert create(client, description=longest)["description"] == longest
