"""The demo prints the start, the remedy and the end of a pause of all workers."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from onebox.postgres.reddit_pauses import RedditPauses

HOUR = "clock_timestamp() + interval '1 hour'"


@pytest.fixture
def pauses() -> Iterator[RedditPauses]:
    reader = RedditPauses()
    yield reader
    reader.close()


def execute(database: Database, changes: str) -> None:
    with database.begin() as conn:
        conn.execute(
            text("INSERT INTO reddit_budgets (client_id) VALUES ('c') ON CONFLICT DO NOTHING")
        )
        conn.execute(text(f"UPDATE reddit_budgets SET {changes}"))


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("client_refused", "remedy: the client id or the address of the workers is blocked"),
        ("credentials_refused", "remedy: correct REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET"),
        ("outage", None),
        (None, None),  # a row of an older release
    ],
)
def test_the_end_of_a_pause_is_reported_once_when_reddit_accepts_the_workers(
    database: Database,
    database_url: str,
    pauses: RedditPauses,
    reason: str | None,
    remedy: str | None,
) -> None:
    stored = "NULL" if reason is None else f"'{reason}'"
    execute(database, f"outage_until = {HOUR}, paused_reason = {stored}")
    paused, shown = pauses.read(database_url)
    assert paused.startswith("paused until ")
    assert shown.startswith(remedy or "remedy: check the network if this lasts; the workers go on")
    remedies = [shown] if remedy else []  # the remedy of an outage is shown during its pause only
    # The pause's time has ended and a probe is due, but Reddit does not accept the workers yet.
    execute(database, "outage_until = clock_timestamp() - interval '1 s'")
    assert (pauses.read(database_url), pauses.ended) == (remedies, [])
    execute(database, "outage_until = NULL, paused_reason = NULL")
    assert (pauses.read(database_url), pauses.ended) == ([], ["Reddit accepts the workers again"])
    assert (pauses.read(database_url), pauses.ended) == ([], [])


def test_the_end_of_a_pause_by_a_429_is_reported_once(
    database: Database, database_url: str, pauses: RedditPauses
) -> None:
    execute(database, f"paused_until = {HOUR}")
    (paused,) = pauses.read(database_url)
    assert paused.endswith("Reddit answered 429")
    # The pauses are read through the open connection, so the wrong address does not matter.
    assert pauses.read("postgresql://nobody@127.0.0.1:9/nothing") == [paused]
    pauses.close()
    assert pauses.read("postgresql://nobody@127.0.0.1:9/nothing") == []  # unknown, so no end
    assert pauses.ended == []
    execute(database, "paused_until = clock_timestamp()")
    assert pauses.read(database_url) == []
    assert pauses.ended == ["the pause after Reddit's 429 is over: the workers send requests again"]
    pauses.read(database_url)
    assert pauses.ended == []


@pytest.mark.parametrize("reason", ["client_refused", "credentials_refused"])
def test_only_a_refusal_of_this_run_counts(
    database: Database, database_url: str, pauses: RedditPauses, reason: str
) -> None:
    execute(database, f"outage_until = {HOUR}, paused_reason = '{reason}', paused_detail = '403'")
    pauses.read(database_url)
    pauses.read(database_url)
    assert pauses.refused == []  # the user may have repaired the cause
    execute(database, f"outage_until = {HOUR} + interval '1 s'")
    pauses.read(database_url)
    cause, remedy = pauses.refused
    assert cause.startswith("Reddit refuses the c")
    assert cause.endswith(" (403).")
    assert remedy.startswith("remedy: ")
    execute(database, "outage_until = NULL, paused_reason = NULL")
    pauses.read(database_url)
    assert pauses.refused == []


def test_an_outage_and_a_429_are_no_refusals(
    database: Database, database_url: str, pauses: RedditPauses
) -> None:
    pauses.read(database_url)
    execute(database, f"outage_until = {HOUR}, paused_reason = 'outage', paused_until = {HOUR}")
    paused = [note for note in pauses.read(database_url) if note.startswith("paused until ")]
    assert len(paused) == 2
    assert pauses.refused == []


def test_an_unknown_host_has_its_own_remedy_and_a_refusal_says_its_cause_once(
    database: Database, database_url: str, pauses: RedditPauses
) -> None:
    detail = "unknown host: [Errno -2] Name or service not known " + "x" * 150
    execute(
        database,
        f"outage_until = {HOUR}, paused_reason = 'outage', paused_detail = '{detail}'",
    )
    paused, remedy = pauses.read(database_url)
    assert paused.endswith(f"({detail})")
    assert remedy == (
        "remedy: this machine cannot find Reddit's address: check network, DNS, proxy"
    )
    blocked = "403: the client id or its address is blocked (a block page)"
    execute(database, f"paused_reason = 'client_refused', paused_detail = '{blocked}'")
    paused, remedy = pauses.read(database_url)
    assert paused.endswith(": Reddit refuses the client (403 (a block page))")
    assert "is blocked" in remedy
