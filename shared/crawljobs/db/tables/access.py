"""Tables of the API: access tokens, and stored responses to requests with an idempotency key."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from crawljobs.db.tables.columns import NOW, Timestamp, metadata

# A bearer token of the API. The row has only a hash of the token. Two valid tokens may have the
# same name.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),  # the public part of the token
    Column("name", Text, nullable=False),  # the audit log shows this name as the actor
    Column("token_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Timestamp),
    Column("revoked_at", Timestamp),
    Column("revoked_by", Text),
    Column("last_used_at", Timestamp),  # written at most once a minute
    # `created_by_id` is the id of the token that created this token, or null if the bootstrap token
    # or an earlier release created this token.
    Column("created_by_id", Text),
    CheckConstraint("id ~ '^[0-9a-f]{12}$'", name="id"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    CheckConstraint(
        "scopes <@ ARRAY['read', 'jobs', 'schedules', 'audit', 'tokens', 'webhooks', 'content', "
        "'erase'] AND cardinality(scopes) BETWEEN 1 AND 8",
        name="scopes",
    ),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
    Index("api_tokens_name_idx", "name", "id"),
    # The expression computes the same key as the function `domain.names.key`.
    Index("api_tokens_name_key_idx", text("lower(btrim(regexp_replace(name, ' +', ' ', 'g')))")),
)

# The response to a request with an idempotency key. The transaction of the request stores the row.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", Text, primary_key=True),  # token and route of the request
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("headers", JSONB, nullable=False),
    # Null if the body contained a secret, or if the token's stored responses took too much space.
    Column("body", Text),
    Column("created_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("octet_length(request_hash) = 32", name="request_hash"),
    CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key"),
    Index("idempotency_keys_created_at_idx", "created_at"),
)
