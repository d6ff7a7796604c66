"""A database is usable only if its schema is known and it accepts writes."""

import pytest

from crawljobs import errors
from crawljobs.db import schema
from crawljobs.db.database import Database


def test_a_database_that_became_read_only_is_unavailable(database: Database) -> None:
    with database.begin() as conn:
        schema.check_writable(conn)
        conn.exec_driver_sql("SET TRANSACTION READ ONLY")
        with pytest.raises(errors.DatabaseUnavailable, match="is read-only now"):
            schema.check_writable(conn)
