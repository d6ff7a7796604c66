"""Discovery proposes public subreddits only, and never the name of a Reddit listing."""

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import discovery_candidates, stored_subreddits

HOME = "home"


def test_only_communities_that_anybody_may_read_are_led_to(conn: Connection) -> None:
    names = [f"is_{state}" for state in AccessState]
    ids = stored_subreddits.ensure(conn, names=[HOME, *names], discovered_from=None, depth=0)
    conn.execute(
        text(
            "UPDATE subreddits SET access = substr(name, 4), access_checked_at = now() "
            "WHERE name LIKE 'is_%'"
        )
    )
    conn.execute(
        text(
            "INSERT INTO discovery_evidence (found_in, name, mentions, crossposts) "
            "SELECT :home, lower(name), 99, 99 FROM subreddits WHERE name LIKE 'is_%'"
        ),
        {"home": ids[HOME]},
    )
    found = discovery_candidates.candidates(conn, subreddit_id=ids[HOME], at_most=100)
    assert set(found) == {"is_public", "is_restricted"}


def test_a_listing_of_reddits_own_is_never_led_to(conn: Connection) -> None:
    ids = stored_subreddits.ensure(conn, names=[HOME, "rust"], discovered_from=None, depth=0)
    conn.execute(
        text(
            "INSERT INTO discovery_evidence (found_in, name, mentions, crossposts) "
            "SELECT :home, name, 99, 99 "
            "FROM unnest(ARRAY['all', 'popular', 'random', 'mod', 'golang']) AS name"
        ),
        {"home": ids[HOME]},
    )
    assert discovery_candidates.unchecked(conn, subreddit_id=ids[HOME], at_most=100) == ["golang"]
