"""The causes for which all workers of the demo pause."""

import psycopg

from crawljobs.domain import plain_text
from onebox.postgres.database_checks import CONNECT_SECONDS

_REFUSED = {
    "client_refused": "Reddit refuses the client: its id or address is blocked",
    "credentials_refused": "Reddit refuses the credentials",
}
DETAIL_SHOWN = 120  # characters of an error that a worker met


class RedditPauses:
    """Reads the pauses over one connection, which it keeps."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None

    def read(self, url: str) -> list[str]:
        """The pauses of all workers that hold now, as sentences."""
        query = """
            SELECT paused_until, NULL, NULL FROM reddit_budgets
            WHERE paused_until = (SELECT max(paused_until) FROM reddit_budgets)
                AND paused_until > clock_timestamp()
            UNION ALL
            SELECT outage_until, coalesce(paused_reason, ''), paused_detail FROM reddit_budgets
            WHERE outage_until = (SELECT max(outage_until) FROM reddit_budgets)
                AND outage_until > clock_timestamp()
        """
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    url, connect_timeout=CONNECT_SECONDS, autocommit=True
                )
            found = self._connection.execute(query).fetchall()
        except psycopg.Error:
            self.close()
            return []
        notes = [f"paused until {at.astimezone():%H:%M:%S}: {_why(*why)}" for at, *why in found]
        return list(dict.fromkeys(notes))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _why(reason: str | None, detail: str | None) -> str:
    """The cause for which all workers pause; `reason` None means Reddit's rate limit."""
    if reason is None:
        return "Reddit answered 429"
    cause = f" ({plain_text.one_line(detail, limit=DETAIL_SHOWN)})" if detail else ""
    return _REFUSED.get(reason, "Reddit is in trouble") + cause
