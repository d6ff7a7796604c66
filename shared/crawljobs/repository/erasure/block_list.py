"""The block list: the erased authors, whose names no crawl stores again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, LargeBinary, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from crawljobs import errors
from crawljobs.db.tables import authors, erased_authors
from crawljobs.domain import erased_name
from crawljobs.repository.sql import ONE_ROW, inline

_listed = erased_authors.c
_hash = bindparam("hash", type_=LargeBinary)
_author_id = bindparam("id_of_author", type_=BigInteger)
_OTHER_KEY = select(_listed.key_id).where(_listed.key_id < bindparam("key_id")).limit(ONE_ROW)
_OTHER_KEYS = (
    _OTHER_KEY,
    select(_listed.key_id).where(_listed.key_id > bindparam("key_id")).limit(ONE_ROW),
)
_AUTHOR = select(authors.c.id, authors.c.name).where(
    func.lower(authors.c.name) == func.lower(bindparam("of_name", type_=Text))
)
_UNFINISHED = select(_listed.author_id).where(_listed.name_hash == _hash)
_new = insert(erased_authors)
_ADD = _new.values(
    name_hash=_hash, key_id=bindparam("key_id", type_=Text), author_id=_author_id
).on_conflict_do_update(
    index_elements=[_listed.name_hash],
    set_={"author_id": func.coalesce(_new.excluded.author_id, _listed.author_id)},
)
_FINISH = update(erased_authors).where(_listed.author_id == _author_id).values(author_id=None)
# Waits for each transaction that may have read the list before the author was added.
_WAIT_FOR_PAGES = select(
    func.pg_advisory_xact_lock(func.hashtext(inline("crawljobs erased authors")))
)


def find_author(conn: Connection, *, name: str, name_hash: bytes) -> int | None:
    """Return the id of the stored author, or None.

    The author is also found during an erasure, although the stored name is already replaced.
    """
    row = conn.execute(_AUTHOR, {"of_name": name}).first()
    if row is not None:
        return int(row.id)
    found = conn.execute(_UNFINISHED, {"hash": name_hash}).scalar()
    return None if found is None else int(found)


def add(conn: Connection, *, name: str, key: bytes, author_id: int | None) -> None:
    """Add the name to the list. Raises ContentKeyRequired if the list was made with another key.

    All names must be hashed with the same key, because workers have only one key.
    """
    key_id = erased_name.key_id(key)
    check_key(conn, key=key)
    values = {
        "hash": erased_name.name_hash(key, name),
        "key_id": key_id,
        "id_of_author": author_id,
    }
    conn.execute(_ADD, values)


def check_key(conn: Connection, *, key: bytes) -> None:
    """Raise ContentKeyRequired if the list was made with another key."""
    for other in _OTHER_KEYS:
        if conn.execute(other, {"key_id": erased_name.key_id(key)}).first() is not None:
            raise errors.ContentKeyRequired(
                "authors were erased with another CONTENT_KEY: set CONTENT_KEY_FILE to the former "
                "key (docs/operations/erasure.md explains what to do after its loss)"
            )


def wait_for_pages(conn: Connection) -> None:
    """Wait for the transactions that could still store an author who was just added to the list."""
    conn.execute(_WAIT_FOR_PAGES)


def finish(conn: Connection, *, author_id: int) -> None:
    """Record that nothing of the author is stored any more."""
    conn.execute(_FINISH, {"id_of_author": author_id})
