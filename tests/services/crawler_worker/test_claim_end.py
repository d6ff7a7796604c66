"""How a claim is ended, and when that is told."""

from sqlalchemy import text
from structlog.testing import capture_logs

from crawler_worker import claim_end
from crawler_worker.held_claim import HeldClaim
from crawljobs.db.database import Database
from support import jobs


def test_an_end_is_told_once_and_only_when_it_has_committed(database: Database) -> None:
    with database.begin() as conn:
        jobs.enqueue(conn)
        claim = jobs.claim_one(conn)
        # Conflicts at its first three COMMITs; a sequence does not roll back.
        conn.execute(
            text("""
            CREATE SEQUENCE commits;
            CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('commits') <= 3 THEN RAISE SQLSTATE '40001'; END IF; RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER conflict AFTER UPDATE ON crawl_jobs
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION conflict()
            """)
        )
    held = HeldClaim(claim, asked_at=0, lease_seconds=1e9)
    with capture_logs() as told:
        assert claim_end.write(
            database, held, claim_end.completed(claim, "crawled"), give_up=lambda: False
        )
    assert [line["event"] for line in told] == ["job.completed"]
    with database.begin() as conn:
        assert conn.execute(text("SELECT last_value FROM commits")).scalar_one() == 4
