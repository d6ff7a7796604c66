"""Recognize erased authors by the keyed hashes of their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ARRAY, Connection, LargeBinary, Text, any_, bindparam, func, select

from crawljobs import errors
from crawljobs.db.tables import erased_authors
from crawljobs.domain import erased_name

# Returns the least and the greatest id of the keys with which the names of erased authors were
# hashed, or null if no author is erased. With a single key, both ids are equal. Takes a lock until
# the end of the transaction (see db/tables/programs.py).
KEYS_OF_LIST = func.erased_author_keys(type_=ARRAY(Text))
_KEYS = select(KEYS_OF_LIST.label("keys"))
_LISTED = select(erased_authors.c.name_hash).where(
    erased_authors.c.name_hash == any_(bindparam("hashes", type_=ARRAY(LargeBinary)))
)


def check_key(keys: Sequence[str], key: bytes | None) -> bytes:
    """Return `key` if all stored hashes of names were made with `key`.

    `keys` are the ids of the keys of these hashes.

    Raises ContentKeyRequired if `key` is None or another key. With another key, erased authors
    would not be recognized, and would be stored again.
    """
    if key is None:
        raise errors.ContentKeyRequired(
            "authors were erased, and only CONTENT_KEY recognizes their names: "
            "set CONTENT_KEY_FILE of crawler-worker to the key of admin-api"
        )
    if set(keys) != {erased_name.key_id(key)}:
        raise errors.ContentKeyRequired(
            "authors were erased with another CONTENT_KEY than the present one: set the former key "
            "again (docs/operations/erasure.md explains what to do after its loss)"
        )
    return key


def listed_among(conn: Connection, *, names: Iterable[str], key: bytes) -> set[str]:
    """Return the erased authors among these names, in lower case.

    Before this call, the caller must execute `erased_author_keys` in a statement of the same
    transaction, and check the key with `check_key`.
    """
    by_hash = {erased_name.name_hash(key, name): name.lower() for name in names}
    found = conn.execute(_LISTED, {"hashes": sorted(by_hash)}).scalars()
    return {by_hash[bytes(one)] for one in found}


def erased_among(conn: Connection, *, names: Iterable[str], key: bytes | None) -> set[str]:
    """Return the erased authors among these names, in lower case. Raises ContentKeyRequired."""
    keys = conn.execute(_KEYS).scalar_one()
    return set() if keys is None else listed_among(conn, names=names, key=check_key(keys, key))
