"""Refuse to mix the content of the real Reddit and of another server in one database."""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from crawljobs import errors
from crawljobs.db.tables import crawled_reddit

URL_MAX = 500  # limit of the stored address in characters
_DOMAIN = "reddit.com"
_REMEDY = "DELETE FROM crawled_reddit"

_REMEMBER = (
    insert(crawled_reddit)
    .values(is_real=bindparam("is_real"), api_url=bindparam("api_url"))
    .on_conflict_do_nothing()
)
_STORED = select(crawled_reddit.c.is_real, crawled_reddit.c.api_url)


def is_real(api_url: str) -> bool:
    """Return whether the address is that of Reddit itself, and not of the sandbox or a proxy."""
    host = (urlsplit(api_url).hostname or "").rstrip(".")
    return host == _DOMAIN or host.endswith(f".{_DOMAIN}")


def refuse(conn: Connection, *, api_url: str) -> None:
    """Refuse to crawl a server whose content must not be mixed with the content of the database.

    The first worker stores whether it crawls the real Reddit or another server. Raises
    SettingsError if this worker crawls a server of the other kind.
    """
    wanted = is_real(api_url)
    stored = conn.execute(_STORED).one_or_none()
    if stored is None:
        conn.execute(_REMEMBER, {"is_real": wanted, "api_url": api_url[:URL_MAX]})
        # Another worker may have stored the kind of its server in the meantime.
        stored = conn.execute(_STORED).one()
    if stored.is_real is not wanted:
        raise errors.SettingsError(
            f"REDDIT_API_URL={api_url[:URL_MAX]!r}: this database holds content of "
            f"{_shown(is_real=stored.is_real, api_url=stored.api_url)}, and a database never mixes "
            "the content of the real Reddit and of another server: use another database. If the "
            "database is a copy for a trial, or an earlier release mixed both kinds in it, stop "
            f"all workers, and run `{_REMEDY}` as its owner, so that the next worker decides"
        )


def _shown(*, is_real: bool, api_url: str) -> str:
    return "the real Reddit" if is_real else f"another server ({api_url})"
