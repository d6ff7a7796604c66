"""A migration waits for an unreachable database, but only until its deadline."""

import pytest
import structlog

from crawljobs import errors
from crawljobs.db.administration import migration


def test_work_is_tried_again_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "PAUSE_SECONDS", 0.001)
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise errors.DatabaseUnavailable("down")
        return "done"

    with structlog.testing.capture_logs() as logged:
        assert migration.retry_until_deadline(work, deadline_seconds=60) == "done"
    assert [(line["event"], line["reason"]) for line in logged] == [
        ("migrations.postponed", "down")
    ] * 2
    assert logged[1]["again_in"] == 2 * logged[0]["again_in"]


def test_a_database_that_stays_away_fails_the_migration_at_its_deadline() -> None:
    def work() -> None:
        raise errors.DatabaseUnavailable("down")

    with pytest.raises(migration.MigrationFailed, match=r"gave up after 0\.5 s: down"):
        migration.retry_until_deadline(work, deadline_seconds=0.5)
