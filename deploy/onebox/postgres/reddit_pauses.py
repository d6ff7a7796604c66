"""Read why all workers of the demo pause their requests to Reddit."""

from datetime import datetime

import psycopg

from crawljobs.domain import plain_text
from crawljobs.domain.budget_state import REMEDIES
from crawljobs.domain.request_budget import REFUSED, PausedReason
from onebox.postgres.database_checks import CONNECT_SECONDS

_REFUSED = {
    "client_refused": "Reddit refuses the client",
    "credentials_refused": "Reddit refuses the credentials",
}
# The displayed remedy contains this text too, so the displayed cause leaves this text out.
_BLOCKED = ": the client id or its address is blocked"
_UNKNOWN_HOST = "unknown host"  # the cause that a worker stores if it cannot resolve the host
_NO_ADDRESS = "this machine cannot find Reddit's address: check network, DNS, proxy"
_OUTAGE = "check the network if this lasts; the workers go on by themselves when Reddit answers"
_OVER_429 = "the pause after Reddit's 429 is over: the workers send requests again"
_ACCEPTED = "Reddit accepts the workers again"
DETAIL_SHOWN = 500  # limit of the displayed error text in characters


class RedditPauses:
    """Reads the pauses of all workers. The object keeps one connection to the database open."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None
        # For each pause in force: the sentence that the demo shows when the pause has ended.
        self._in_force: set[str] = set()
        self.ended: list[str] = []  # sentences about pauses that ended since the previous read
        # The causes and remedies of Reddit's refusals since the first read, as sentences. Earlier
        # refusals are left out, because the user may have removed their cause.
        self.refused: list[str] = []
        self._earlier: set[datetime] | None = None  # end times of the pauses in the first read

    def read(self, url: str) -> list[str]:
        """Return sentences about the pauses in force, and refill the lists `ended` and `refused`.

        There is one sentence for each pause in force. If Reddit refuses the client or does not
        answer, a further sentence names the remedy. For a refusal, the sentence with the remedy
        stays after the end of the pause.

        A pause of the circuit breaker has no fixed end. It ends when a request to Reddit succeeds.
        """
        query = """
            SELECT paused_until, NULL, NULL, true FROM reddit_budgets
            WHERE paused_until = (SELECT max(paused_until) FROM reddit_budgets)
                AND paused_until > clock_timestamp()
            UNION ALL
            SELECT outage_until, coalesce(paused_reason, ''), paused_detail,
                outage_until > clock_timestamp() FROM reddit_budgets
            WHERE outage_until = (SELECT max(outage_until) FROM reddit_budgets)
        """
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    url, connect_timeout=CONNECT_SECONDS, autocommit=True
                )
            found = self._connection.execute(query).fetchall()
        except psycopg.Error:
            self.close()
            self.ended, self.refused = [], []
            return []
        in_force = {_OVER_429 if reason is None else _ACCEPTED for _, reason, _, _ in found}
        self.ended = sorted(self._in_force - in_force)
        self._in_force = in_force
        if self._earlier is None:
            self._earlier = {until for until, _, _, _ in found}
        self.refused = [
            sentence
            for until, reason, detail, _ in found
            if reason in REFUSED and until not in self._earlier
            for sentence in (f"{_why(reason, detail)}.", _remedy(reason, detail))
        ]
        notes = []
        for until, reason, detail, lasts in found:
            if lasts:
                notes.append(f"paused until {until.astimezone():%H:%M:%S}: {_why(reason, detail)}")
            if reason in REFUSED or (lasts and reason is not None):
                notes.append(_remedy(reason, detail))
        return list(dict.fromkeys(notes))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _remedy(reason: str, detail: str | None) -> str:
    if reason in REFUSED:
        return f"remedy: {REMEDIES[PausedReason(reason)]}"
    return f"remedy: {_NO_ADDRESS if _UNKNOWN_HOST in (detail or '') else _OUTAGE}"


def _why(reason: str | None, detail: str | None) -> str:
    """Return why all workers pause. None as `reason` means Reddit's rate limit."""
    if reason is None:
        return "Reddit answered 429"
    said = plain_text.one_line((detail or "").replace(_BLOCKED, ""), limit=DETAIL_SHOWN)
    cause = f" ({said})" if said else ""
    return _REFUSED.get(reason, "Reddit is in trouble") + cause
