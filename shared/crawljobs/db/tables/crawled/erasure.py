"""The table of erased authors, whose names no crawl may store again."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Table, Text, text

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# An author who was erased, by a keyed hash of the name. The name itself is not stored.
erased_authors = Table(
    "erased_authors",
    metadata,
    Column("name_hash", LargeBinary, primary_key=True),  # HMAC-SHA256 of the name in lower case
    Column("key_id", Text, nullable=False),  # identifies the key of the hash
    # The author's row while the erasure runs; null after the end of the erasure. There is no
    # foreign key, because the end of the erasure deletes the author's row.
    Column("author_id", BigInteger),
    Column("erased_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("octet_length(name_hash) = 32", name="name_hash"),
    Index("erased_authors_key_id_idx", "key_id"),
    Index(
        "erased_authors_author_id_idx",
        "author_id",
        postgresql_where=text("author_id IS NOT NULL"),
    ),
)
